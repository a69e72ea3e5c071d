/** Decisions over a restart: how long writing them blocks, and how long a new process takes to its first right verdict. */

import { execFile } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { makeDecisions } from '../data.mjs'
import { idleBlock, longestBlock } from '../measure-process.mjs'
import { progress } from '../progress.mjs'
import { bouncerWith } from '../subject.mjs'
import { atMost } from '../target.mjs'
import { countOf, numberText } from '../text.mjs'

const RESTART = fileURLToPath(new URL('../load/restart.mjs', import.meta.url))
const RUNS = 5

export async function run({ large, seed }) {
  const folder = await mkdtemp(join(tmpdir(), 'csb-bench-'))
  const snapshotFile = join(folder, 'snapshot')
  try {
    const { decisions } = makeDecisions(large, seed)
    const first = firstBanned(decisions)
    const writes = []
    for (let i = 0; i < RUNS; i++) {
      progress(`snapshot: write ${i + 1} of ${RUNS}`)
      const { bouncer } = await bouncerWith(decisions, { snapshotFile })
      const began = performance.now()
      const { block } = await longestBlock(() => bouncer.stop())
      writes.push({ block, milliseconds: performance.now() - began })
    }
    const idle = await idleBlock()
    const restarts = []
    for (let i = 0; i < RUNS; i++) {
      progress(`snapshot: restart ${i + 1} of ${RUNS}`)
      const { stdout } = await promisify(execFile)(process.execPath, [RESTART, snapshotFile, first])
      restarts.push(Number(stdout))
    }
    const block = Math.min(...writes.map((one) => one.block))
    const size = (await stat(snapshotFile)).size / 2 ** 20
    const took = Math.min(...writes.map((one) => one.milliseconds))
    return [
      atMost(
        `snapshot of ${countOf(large)}: longest block while it is written`,
        block,
        10,
        'ms',
        `${numberText(size)} MB in ${numberText(took)} ms; idle loop ${numberText(idle)} ms`,
      ),
      atMost(
        `snapshot of ${countOf(large)}: from the start of a process to its first right verdict`,
        Math.min(...restarts) / 1000,
        0.5,
        's',
        `longest of ${RUNS}: ${numberText(Math.max(...restarts))} ms`,
      ),
    ]
  } finally {
    await rm(folder, { recursive: true })
  }
}

function firstBanned(decisions) {
  for (const { type, scope, value } of decisions.wires()) if (type === 'ban' && scope === 'Ip') return value
  throw new Error('no banned address in the data')
}
