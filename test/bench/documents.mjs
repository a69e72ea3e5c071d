/** Writes docs/performance.md and docs/charts/ from the results of a run. */

import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { barChart } from './chart.mjs'
import { updateMarkdown } from './report.mjs'

const docs = new URL('../../docs/', import.meta.url)

const CHARTS = {
  floor: 'A check against its floor',
  'peers-ipv4': 'One IPv4 address, 5 % hits',
  'peers-ipv6': 'One IPv6 address, 5 % hits',
  'peer-memory': 'Memory',
  startup: 'Startup pull',
  http: 'Whole HTTP requests',
}

const INTRODUCTION = `# Performance

Measured by \`npm run bench\`, which writes the tables below. Only quotients taken in one run carry over to another machine.
How it measures stands in \`test/bench/\`, in the repository.
`

export async function writeDocuments(results, run, folder = docs) {
  const charts = new URL('charts/', folder)
  await mkdir(charts, { recursive: true })
  const page = new URL('performance.md', folder)
  const text = existsSync(page) ? await readFile(page, 'utf8') : INTRODUCTION
  await writeFile(page, updateMarkdown(text, results, run))
  for (const [name, title] of Object.entries(CHARTS)) {
    const bars = results.flatMap(({ rows }) => rows).filter((row) => row.bar === name && row.measured !== null)
    if (bars.length === 0) continue
    const chart = barChart(
      title,
      bars[0].unit,
      bars.map(({ figure, measured }) => ({ label: labelOf(figure), value: measured, isOurs: isOurs(figure) })),
    )
    await writeFile(new URL(`${name}.svg`, charts), chart)
  }
}

/** What stands before the colon is said by the title. */
function labelOf(figure) {
  return figure.replace(/^(IPv4|IPv6|memory): /, '')
}

function isOurs(figure) {
  return /check\(\)|check service|with crowdsec|: crowdsec-bouncer|the bouncer/.test(figure)
}
