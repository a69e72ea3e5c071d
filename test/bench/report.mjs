/** Results as a table for a terminal, as JSON, and as Markdown between markers in a file. */

import { cpus } from 'node:os'
import { numberText } from './text.mjs'

export function describeRun(options) {
  const processors = cpus()
  return {
    processor: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
    seed: options.run.seed,
    command: `npm run bench -- ${process.argv.slice(2).join(' ')}`.trim().replace(/ --$/, ''),
  }
}

export function runText({ processor, cores, node, date, seed, command }) {
  return `${processor}, ${cores} cores, Node ${node}, ${date}, seed ${seed}: ${command}`
}

export function terminalTable(results) {
  const lines = []
  for (const { section, rows } of results) {
    lines.push('', section)
    for (const row of rows) {
      const mark = row.met === null ? '    ' : row.met ? 'yes ' : 'NO  '
      lines.push(`  ${mark} ${row.figure}: ${measuredText(row)}${targetText(row)}`)
      if (row.detail !== '') lines.push(`         ${row.detail}`)
    }
  }
  return `${lines.join('\n').trim()}\n`
}

function measuredText({ measured, unit }) {
  return measured === null ? 'cannot do it' : `${numberText(measured)} ${unit}`
}

function targetText({ relation, limit }) {
  return relation === null ? '' : `   (target ${relation} ${numberText(limit)})`
}

/** Puts each section's rows between its markers; a section that was not run keeps what it had. */
export function updateMarkdown(text, results, run) {
  return results.reduce((document, result) => replaceSection(document, result, run), text)
}

function replaceSection(text, { section, rows }, run) {
  const begin = `<!-- bench:${section} -->`
  const end = `<!-- /bench:${section} -->`
  const block = `${begin}\n${markdownTable(rows)}\n\n${runText(run)}\n${end}`
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from === -1 || to === -1) return `${text.trimEnd()}\n\n## ${section}\n\n${block}\n`
  return text.slice(0, from) + block + text.slice(to + end.length)
}

function markdownTable(rows) {
  const lines = ['| | measured | target | met | |', '|---|---|---|---|---|']
  for (const row of rows) {
    const target = row.relation === null ? '' : `${row.relation} ${numberText(row.limit)}`
    const met = row.met === null ? '' : row.met ? 'yes' : 'no'
    lines.push(`| ${row.figure} | ${measuredText(row)} | ${target} | ${met} | ${row.detail} |`)
  }
  return lines.join('\n')
}
