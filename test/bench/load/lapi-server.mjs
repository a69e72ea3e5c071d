/** A LAPI with nothing but the decision stream, in a process of its own: the whole answer lies ready, so that it costs little. */

import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { ACTIONS, makeDecisions, makeQueries } from '../data.mjs'
import { Oracle } from '../oracle.mjs'

const CHUNK = 1 << 20
const SAMPLE = 5000

process.once('message', async ({ count, seed }) => {
  const data = makeDecisions(count, seed)
  const body = bodyOf(data.decisions)
  const sample = JSON.stringify(sampleOf(data))
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json')
    if (request.url === '/sample') response.end(sample)
    else if (request.url.includes('startup=true')) Readable.from(body).pipe(response)
    else response.end('{"deleted":null,"new":null}')
  })
  server.listen(0, '127.0.0.1', () => {
    const bytes = body.reduce((sum, chunk) => sum + chunk.length, 0)
    process.send({ url: `http://127.0.0.1:${server.address().port}`, bytes })
  })
})

/** The fields of LAPI 1.7 in its order, cut into chunks. */
function bodyOf(decisions) {
  const chunks = []
  let text = '{"deleted":null,"new":['
  for (let i = 0; i < decisions.count; i++) {
    const { id, origin, type, scope, value, duration, scenario } = decisions.wire(i)
    const uuid = `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`
    text += `${i === 0 ? '' : ','}${JSON.stringify({ duration, id, origin, scenario, scope, type, uuid, value })}`
    if (text.length > CHUNK) {
      chunks.push(Buffer.from(text))
      text = ''
    }
  }
  chunks.push(Buffer.from(`${text}]}`))
  return chunks
}

/** Addresses and the right actions. */
function sampleOf(data) {
  const oracle = new Oracle(data.decisions)
  return [4, 6].flatMap((family) => {
    const queries = makeQueries(data, oracle, { family, hits: 0.5, count: SAMPLE })
    return Array.from({ length: SAMPLE }, (_, i) => [queries.text(i), ACTIONS[queries.expected[i]]])
  })
}
process.once('disconnect', () => process.exit())
