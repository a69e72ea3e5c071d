/** How much memory grows from a started, empty bouncer to one with decisions. */

import { makeDecisions } from '../data.mjs'
import { memoryNow } from '../measure-process.mjs'
import { bouncerWith, createBouncer, GivenSource } from '../subject.mjs'

process.once('message', async ({ count, seed }) => {
  const { decisions } = makeDecisions(count, seed)
  // A first small life of everything, so that compiled code and lazily loaded modules are not counted as decisions.
  const rehearsal = createBouncer({ sources: [new GivenSource(() => decisions.wires(0, Math.min(count, 20_000)))] })
  await rehearsal.start()
  await rehearsal.stop()
  const before = memoryNow()
  const { bouncer } = await bouncerWith(decisions)
  const after = memoryNow()
  process.send({ heap: after.heap - before.heap, external: after.external - before.external })
  await bouncer.stop()
})
