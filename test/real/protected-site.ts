/** Places where visitors are judged as in production, over HTTP: an Express app behind a trusted proxy, and a check service. */

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { crowdsec } from '../../middleware/express.js'
import { type Bouncer, type BouncerOptions, createBouncer } from '../../src/index.js'
import { createCheckService } from '../../src/server/check-service.js'

export interface ProtectedSite {
  readonly bouncer: Bouncer
  /** What becomes of a visitor: `allow`, `ban`, `captcha`. */
  visit(address: string): Promise<string>
  stop(): Promise<void>
}

/** We are the proxy that the app trusts, so `X-Forwarded-For` plays the visitor. Resolves when it is in sync. */
export async function startApp(options: BouncerOptions): Promise<ProtectedSite> {
  const app = express()
  app.set('trust proxy', true)
  const handler = crowdsec(options)
  const { bouncer } = handler
  app.use(handler)
  app.get('/', (_request, response) => void response.send('welcome'))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  await bouncer.start()
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return {
    bouncer,
    async visit(address) {
      const answer = await fetch(url, { headers: { 'x-forwarded-for': address } })
      const text = await answer.text()
      if (answer.status === 200 && text === 'welcome') return 'allow'
      if (answer.status !== 403) throw new Error(`${address} got status ${answer.status}: ${text}`)
      // A captcha is answered with 403 as well; which of them it is, the answer does not tell.
      return bouncer.check(address).action
    },
    async stop() {
      await bouncer.stop()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Resolves when it is in sync. */
export async function startService(options: BouncerOptions): Promise<ProtectedSite> {
  const bouncer = createBouncer(options)
  const service = createCheckService({ bouncer, listen: { host: '127.0.0.1', port: 0 } })
  const { url } = await service.start()
  await bouncer.start()
  return {
    bouncer,
    async visit(address) {
      const answer = await fetch(`${url}/check?ip=${encodeURIComponent(address)}`)
      const text = await answer.text()
      if (answer.status !== 200) throw new Error(`${address} got status ${answer.status}: ${text}`)
      return (JSON.parse(text) as { readonly action: string }).action
    },
    async stop() {
      await bouncer.stop()
      await service.stop()
    },
  }
}
