/** More visitors at once than a window of hits has room for, all of one blocked network, and no two with the same address. */

import { setTimeout } from 'node:timers/promises'

const FIRST = 0x2a00_1450n << 96n
/** A window has room for 10,000. */
const VISITORS = 12_000

export async function flood({ bouncer, own, visitors }) {
  await own.block({ first: FIRST, last: FIRST | 0xffff_ffffn, length: 96, value: '2a00:1450::/96' })
  // As many may wait for the storage, and those that wait already would be too many.
  while (bouncer.stats().signals.pending > 100) await setTimeout(50)
  for (let i = 0; i < VISITORS; i++) visitors.visit(FIRST | BigInt(i))
}
