import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ClientHttp2Session, connect, createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { crowdsec } from '../../middleware/http.js'
import { decision, listSource } from '../source-of-decisions.js'

async function start(): Promise<ClientHttp2Session> {
  const sources = [listSource([decision({ value: '203.0.113.7' })])]
  const handler = crowdsec({ sources, trustedProxies: ['loopback'] })
  onTestFinished(() => handler.bouncer.stop())
  await handler.bouncer.start()
  // Node's HTTP/2 requests have the shape of HTTP/1 requests, but not their class.
  const server = createServer((req, res) => {
    handler(req as unknown as IncomingMessage, res as unknown as ServerResponse, () => res.end('welcome'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  onTestFinished(() => session.destroy())
  return session
}

async function get(session: ClientHttp2Session, visitor: string) {
  const stream = session.request({ ':path': '/', 'x-forwarded-for': visitor, accept: 'application/json' })
  const [headers] = await once(stream, 'response')
  let text = ''
  for await (const chunk of stream) text += chunk
  return { status: headers[':status'], type: headers['content-type'], text }
}

it('requests of HTTP/2 are judged and answered as those of HTTP/1', async () => {
  const session = await start()
  expect(await get(session, '9.9.9.9')).toMatchObject({ status: 200, text: 'welcome' })
  const answer = await get(session, '203.0.113.7')
  expect(answer).toMatchObject({ status: 403, type: expect.stringContaining('application/json') })
  expect(JSON.parse(answer.text)).toHaveProperty('error')
})
