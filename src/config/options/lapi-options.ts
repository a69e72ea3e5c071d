/** Options about how the LAPI is asked, beyond the plain stream: modes, TLS, several LAPIs, metrics. */

import { z } from 'zod'
import { duration, filePath, interval, lapiList, secretText, yesOrNo, yesOrNoText } from '../kinds/option-kinds.js'
import { aPath, everywhere, optionInfo } from './option-info.js'

export const lapiOptions = z.strictObject({
  mode: z
    .enum(['stream', 'live', 'hybrid', 'none'])
    .prefault('stream')
    .register(optionInfo, {
      ...everywhere,
      accepts: '`stream`, `live`, `hybrid` or `none`',
      meaning:
        'Whether all decisions are held in memory (`stream`), the LAPI is asked about each address (`live`), both (`hybrid`), or the LAPI is not asked for decisions (`none`).',
    }),
  lapiTimeout: duration.prefault('200ms').register(optionInfo, {
    ...everywhere,
    accepts: 'a duration such as 200ms',
    meaning: 'How long the LAPI may take to answer about one address, in the modes `live` and `hybrid`.',
  }),
  lapiFailureAction: z
    .enum(['passthrough', 'ban', 'captcha'])
    .prefault('passthrough')
    .register(optionInfo, {
      ...everywhere,
      accepts: '`passthrough`, `ban` or `captcha`',
      meaning: 'What is done with a visitor about whom the LAPI could not be asked, in the modes `live` and `hybrid`.',
    }),
  cacheExpiration: duration.prefault('1s').register(optionInfo, {
    ...everywhere,
    accepts: 'a duration such as 1s',
    meaning: 'How long an answer about one address is remembered, in the modes `live` and `hybrid`.',
  }),
  cacheSize: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000_000)
    .prefault(50_000)
    .register(optionInfo, {
      ...everywhere,
      accepts: 'a whole number from 1 to 10000000',
      meaning: 'How many addresses are remembered, in the modes `live` and `hybrid`.',
    }),
  liveApiKey: secretText.optional().register(optionInfo, {
    ...everywhere,
    value: 'secret',
    accepts: 'text without spaces or control characters (from `cscli bouncers add NAME`)',
    meaning:
      'A key of its own for questions about single addresses, in the mode `hybrid`: under the key of the stream they can make the LAPI forget changes that it owes.',
  }),
  liveApiKeyFile: filePath.optional().register(optionInfo, {
    ...aPath,
    accepts: 'the path of a file',
    meaning: 'A file that holds nothing but the `live_api_key`. Instead of `live_api_key`.',
  }),
  lapis: lapiList.prefault([]).register(optionInfo, {
    ...everywhere,
    value: 'secret',
    accepts: 'a list of `{ name, api_url, api_key }`, each name once, and `live_api_key` in the mode `hybrid`',
    meaning:
      'Several LAPIs at once, in place of `api_url` and `api_key`. Their decisions are merged. In code the keys are `apiUrl` and so on; not in the environment.',
  }),
  tlsCertFile: filePath.optional().register(optionInfo, {
    ...aPath,
    accepts: 'the path of a PEM file',
    meaning:
      'The certificate that identifies this bouncer to the LAPI, in place of an `api_key`. Read again when replaced.',
  }),
  tlsKeyFile: filePath.optional().register(optionInfo, {
    ...aPath,
    accepts: 'the path of a PEM file',
    meaning: 'The key of `tls_cert_file`.',
  }),
  tlsCaFile: filePath.optional().register(optionInfo, {
    ...aPath,
    accepts: 'the path of a PEM file',
    meaning: "Who signed the LAPI's certificate, where that is none of the well-known authorities.",
  }),
  insecureSkipVerify: yesOrNo.prefault(false).register(optionInfo, {
    ...everywhere,
    accepts: yesOrNoText,
    meaning: "Do not check the LAPI's certificate. Anybody in between can then read the key and forge decisions.",
  }),
  usageMetricsInterval: interval.prefault('30m').register(optionInfo, {
    ...everywhere,
    accepts: '0 (never) or a duration of 10m or more',
    meaning: 'How often the LAPI is told what was done (`POST /v1/usage-metrics`, since LAPI 1.6.3).',
  }),
})
