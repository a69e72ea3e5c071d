/** What a decision costs in memory: store, index, strings and expiry, in a process that does nothing else. */

import { runChild } from '../child.mjs'
import { progress } from '../progress.mjs'
import { atMost } from '../target.mjs'
import { countOf, numberText } from '../text.mjs'

export async function run({ large, medium, seed }) {
  progress(`memory: ${countOf(medium)} and ${countOf(large)} decisions`)
  const small = await runChild('load/held-memory.mjs', { count: medium, seed })
  const big = await runChild('load/held-memory.mjs', { count: large, seed })
  const detail = `off the JS heap ${numberText(big.external / 2 ** 20)} MB, on it ${numberText(big.heap / 2 ** 20)} MB; at ${countOf(medium)}: ${numberText((small.external + small.heap) / medium)} B a decision`
  return [
    atMost(
      `memory, everything, ${countOf(large)} decisions`,
      (big.external + big.heap) / large,
      64,
      'B a decision',
      detail,
    ),
    atMost(
      `JS heap: ${countOf(large)} decisions over ${countOf(medium)}`,
      (big.heap - small.heap) / 2 ** 20,
      1,
      'MB more',
      'it must not grow with the decisions',
    ),
  ]
}
