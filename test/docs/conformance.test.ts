import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')

/** What CrowdSec's specification asks for, chapter by chapter. Only those that are not built yet may lack tests. */
const CHAPTERS = [
  'Connecting to the LAPI',
  'User agent',
  'Stream mode',
  'Live mode',
  'Remediation',
  'Captcha',
  'Logging',
  'Metrics',
  'Configuration',
  'AppSec',
]
const NOT_BUILT = ['Captcha', 'AppSec']

interface Row {
  readonly chapter: string
  readonly asked: string
  readonly shown: string
}

function rowsOf(page: string): Row[] {
  return page.split(/^## /m).flatMap((part) => {
    const chapter = part.slice(0, part.indexOf('\n'))
    const lines = part.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| Asked |'))
    return lines.map((line) => {
      const [, asked, , shown] = line.split('|').map((cell) => cell.trim())
      return { chapter, asked, shown }
    })
  })
}

/** The problems with what a row names, none where every test is there. */
function problemsOf({ chapter, asked, shown }: Row): string[] {
  if (shown === 'Not yet') return NOT_BUILT.includes(chapter) ? [] : [`${asked}: no test`]
  return shown.split(' · ').flatMap((reference) => {
    const [, file, name] = /^`(test\/[\w./-]+\.test\.ts)`: "(.+)"$/.exec(reference) ?? []
    if (file === undefined) return [`${asked}: ${reference} is no reference`]
    if (!existsSync(resolve(ROOT, file))) return [`${asked}: ${file} is missing`]
    return isNamed(readFileSync(resolve(ROOT, file), 'utf8'), name) ? [] : [`${asked}: ${file} has no test "${name}"`]
  })
}

/** As the title of a test, or as the first cell of a table of cases. */
function isNamed(text: string, name: string): boolean {
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`[([]\\s*(['"\`])${escaped}\\1,`).test(text)
}

const rows = rowsOf(readFileSync(resolve(ROOT, 'docs/conformance.md'), 'utf8'))

describe('docs/conformance.md', () => {
  it('has every chapter of the specification', () => {
    expect([...new Set(rows.map(({ chapter }) => chapter))].sort()).toEqual([...CHAPTERS].sort())
    expect(rows.length).toBeGreaterThan(40)
  })

  it('names a test that exists for each item', () => {
    expect(rows.flatMap(problemsOf)).toEqual([])
  })

  it.each([
    ['no test', { chapter: 'Metrics', asked: 'x', shown: 'Not yet' }],
    ['another name', { chapter: 'Metrics', asked: 'x', shown: '`test/version.test.ts`: "is not there"' }],
    ['another file', { chapter: 'Metrics', asked: 'x', shown: '`test/none.test.ts`: "x"' }],
    ['nonsense', { chapter: 'Captcha', asked: 'x', shown: 'soon' }],
  ])('would notice %s', (_name, row) => {
    expect(problemsOf(row)).toHaveLength(1)
  })
})
