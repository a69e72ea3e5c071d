/** `npm run bench`: runs the sections one after the other, each in its own process, and reports. */

import { runChild } from './child.mjs'
import { writeDocuments } from './documents.mjs'
import { readOptions } from './options.mjs'
import { installPeers } from './peers-installed.mjs'
import { endProgress } from './progress.mjs'
import { describeRun, runText, terminalTable } from './report.mjs'

const options = readOptions(process.argv.slice(2))
if (options !== null) {
  installPeers()
  const run = describeRun(options)
  process.stderr.write(`${runText(run)}\n`)
  const results = []
  for (const section of options.sections) {
    const { rows } = await runChild('section-process.mjs', { section, options: options.run })
    endProgress()
    results.push({ section, rows })
    if (!options.json) process.stdout.write(`${terminalTable([{ section, rows }])}\n`)
  }
  if (options.json) process.stdout.write(`${JSON.stringify({ run, results }, null, 2)}\n`)
  if (options.write) await writeDocuments(results, run)
}
