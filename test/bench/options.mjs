/** The command line of the benchmarks. */

import { parseArgs } from 'node:util'

export const SECTIONS = [
  'lookup',
  'peers',
  'nested',
  'allocation',
  'memory',
  'startup',
  'delta',
  'resync',
  'snapshot',
  'http',
]

const FULL = {
  large: 1_000_000,
  medium: 100_000,
  queryCount: 200_000,
  rounds: 15,
  calls: 10_000_000,
  pulls: 3,
  resyncs: 10,
  requests: 5000,
  httpRounds: 15,
}
/** For CI: does everything run and answer rightly? Its numbers mean little. */
const QUICK = {
  large: 20_000,
  medium: 5000,
  queryCount: 10_000,
  rounds: 3,
  calls: 200_000,
  pulls: 1,
  resyncs: 2,
  requests: 500,
  httpRounds: 2,
}

const USAGE = `npm run bench -- [--only ${SECTIONS.slice(0, 3).join(',')},...] [--quick] [--seed N] [--json] [--write]

  --only    sections to run: ${SECTIONS.join(', ')}
  --quick   small numbers, to see that everything works
  --seed    another set of decisions and queries
  --json    results as JSON on stdout
  --write   results into docs/performance.md and docs/charts/
`

/** Null where only the usage was asked for. */
export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      seed: { type: 'string', default: '20260101' },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return null
  }
  const sections = values.only === undefined ? SECTIONS : values.only.split(',')
  const unknown = sections.find((section) => !SECTIONS.includes(section))
  if (unknown !== undefined) throw new Error(`--only: expected ${SECTIONS.join(', ')}, got ${unknown}`)
  const seed = Number(values.seed)
  if (!Number.isSafeInteger(seed)) throw new Error(`--seed: expected an integer, got ${values.seed}`)
  return { sections, json: values.json, write: values.write, run: { ...(values.quick ? QUICK : FULL), seed } }
}
