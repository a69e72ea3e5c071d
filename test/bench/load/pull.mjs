/** One startup pull in a fresh process: by the bouncer itself, or by what one would write without it. */

import { idleBlock, longestBlock, peakRss } from '../measure-process.mjs'
import { createBouncer, GivenSource } from '../subject.mjs'

process.once('message', async ({ url, way }) => {
  const idle = await idleBlock()
  const began = performance.now()
  const { result: bouncer, block } = await longestBlock(() => (way === 'stream' ? pullByStream(url) : pullAtOnce(url)))
  const seconds = (performance.now() - began - 40) / 1000 // longestBlock rests for 40 ms
  const rss = peakRss()
  const { decisions } = bouncer.stats()
  const sample = await (await fetch(`${url}/sample`)).json()
  const wrong = sample.filter(([address, action]) => bouncer.check(address).action !== action).length
  await bouncer.stop()
  process.send({ seconds, block, idle, rss, decisions, wrong })
})

async function pullByStream(url) {
  const bouncer = createBouncer({ apiUrl: url, apiKey: 'bench', startTimeout: '10m' })
  await bouncer.start()
  return bouncer
}

async function pullAtOnce(url) {
  const response = await fetch(`${url}/v1/decisions/stream?startup=true`)
  const body = JSON.parse(await response.text())
  const bouncer = createBouncer({ sources: [new GivenSource(() => body.new)], startTimeout: '10m' })
  await bouncer.start()
  return bouncer
}
