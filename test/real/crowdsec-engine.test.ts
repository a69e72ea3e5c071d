/** The harness itself: what it promises holds for the real engine. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { CrowdsecEngine } from './crowdsec-engine.js'

let engine: CrowdsecEngine
beforeAll(async () => {
  engine = await CrowdsecEngine.start()
})
afterAll(() => engine?.stop())

async function startup(): Promise<readonly { readonly value: string }[]> {
  const answer = await fetch(`${engine.url}/v1/decisions/stream?startup=true`, {
    headers: { 'X-Api-Key': engine.apiKey },
  })
  const body = (await answer.json()) as { readonly new: readonly { readonly value: string }[] | null }
  return body.new ?? []
}

it('starts empty, with one bouncer', async () => {
  expect(await engine.cscli('bouncers', 'list', '-o', 'raw')).toContain('harness')
  expect(await startup()).toEqual([])
})

it('takes decisions from cscli, from a watcher and in bulk', async () => {
  await engine.cscli('decisions', 'add', '-i', '192.0.2.1')
  await engine.addDecision({ value: '192.0.2.2', duration: '1h' })
  await engine.database.bulk(2000, (index) => ({ value: `10.0.${index >> 8}.${index & 255}`, duration: '2h' }))
  expect((await startup()).length).toBe(2002)
})

it('keeps decisions over a restart and logs in again', async () => {
  await engine.restart()
  await engine.deleteDecisions({ value: '192.0.2.2' })
  expect((await startup()).length).toBe(2001)
})

it('moves time', async () => {
  await engine.database.age(90 * 60_000)
  expect((await startup()).length).toBe(2001)
  await engine.database.age(31 * 60_000)
  expect((await startup()).map((decision) => decision.value)).toEqual(['192.0.2.1'])
})
