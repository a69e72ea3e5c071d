/** Options that only the check service takes. */

import { z } from 'zod'
import { listenAddress } from '../kinds/option-kinds.js'
import { optionInfo, serviceOnly } from './option-info.js'

export const serviceOptions = z.strictObject({
  listen: listenAddress.prefault('127.0.0.1:8088').register(optionInfo, {
    ...serviceOnly,
    accepts: '`host:port`, `[v6]:port` or `port` (then on 127.0.0.1)',
    meaning: 'Where the check service listens. Port 0 lets the system choose.',
  }),
  logLevel: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .prefault('info')
    .register(optionInfo, {
      ...serviceOnly,
      accepts: '`debug`, `info`, `warn`, `error` or `silent`',
      meaning: 'The least important lines that the service still logs.',
    }),
})
