import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, test, vi } from 'vitest'
import { TemplateFile } from '../../src/remediation/template-file.js'

let folder: string
let path: string
let lines: string[]

const logger = {
  debug: (line: string) => void lines.push(`debug ${line}`),
  info: (line: string) => void lines.push(`info ${line}`),
  warn: (line: string) => void lines.push(`warn ${line}`),
  error: (line: string) => void lines.push(`error ${line}`),
}
const VALUES = { status: '403', action: 'ban', address: '192.0.2.1' }

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
  folder = mkdtempSync(join(tmpdir(), 'bouncer-template-'))
  path = join(folder, 'ban.html')
  lines = []
})

afterEach(() => {
  vi.useRealTimers()
  rmSync(folder, { recursive: true })
})

function shown(file: TemplateFile): string {
  return file.template.render(VALUES)
}

/** Shows a page a second later, which makes the file be looked at, and waits until the log tells of it. */
async function look(file: TemplateFile): Promise<string> {
  const before = lines.length
  vi.advanceTimersByTime(1001)
  const page = shown(file)
  await vi.waitUntil(() => lines.length > before, { interval: 1 })
  return page
}

test.each([
  ['is missing', async () => {}, 'ENOENT'],
  ['is a folder', () => mkdir(path), 'EISDIR'],
  ['is empty', () => writeFile(path, ' \n'), 'is empty'],
])('a file that %s at start is a mistake with a name', async (_name, prepare, reason) => {
  await prepare()
  expect(() => new TemplateFile(path, logger)).toThrow(
    expect.objectContaining({
      code: 'ERR_CSB_CONFIG',
      message: expect.stringMatching(new RegExp(`^banTemplatePath: .*ban\\.html.*${reason}`)),
    }),
  )
})

it('is read once, without its byte order mark', async () => {
  await writeFile(path, '\ufeff<p>{{status}}</p>')
  const file = new TemplateFile(path, logger)
  expect(shown(file)).toBe('<p>403</p>')
  expect(file.template).toBe(file.template)
})

it('is read again when it changes: the page after the look is the new one', async () => {
  await writeFile(path, 'one')
  const file = new TemplateFile(path, logger)
  await writeFile(path, 'second')
  expect(shown(file)).toBe('one')
  expect(await look(file)).toBe('one')
  expect(shown(file)).toBe('second')
  expect(lines).toEqual([`info banTemplatePath ${path}: read again`])
})

it('is read again when another file takes its place, by a rename or a link, even of the same size', async () => {
  await writeFile(path, 'one')
  const file = new TemplateFile(path, logger)
  await writeFile(`${path}.new`, 'two')
  await rename(`${path}.new`, path)
  await look(file)
  expect(shown(file)).toBe('two')
  await writeFile(join(folder, 'three.html'), 'thr')
  await rm(path)
  await symlink('three.html', path)
  await look(file)
  expect(shown(file)).toBe('thr')
})

it('disappears: the last good page stays, told once, and comes back', async () => {
  await writeFile(path, 'one')
  const file = new TemplateFile(path, logger)
  await rm(path)
  await look(file)
  expect(shown(file)).toBe('one')
  expect(lines).toEqual([`warn banTemplatePath ${path}: cannot be read: ENOENT; the page stays as it was`])
  for (let i = 0; i < 3; i++) {
    vi.advanceTimersByTime(1001)
    expect(shown(file)).toBe('one')
  }
  await writeFile(path, 'two')
  await utimes(path, 1, 1)
  expect(await look(file)).toBe('one')
  expect(shown(file)).toBe('two')
  expect(lines.slice(1)).toEqual([`info banTemplatePath ${path}: read again`])
})

it('is emptied by somebody who is about to write it: the last good page stays', async () => {
  await writeFile(path, 'one')
  const file = new TemplateFile(path, logger)
  await writeFile(path, '')
  await look(file)
  expect(shown(file)).toBe('one')
  expect(lines).toEqual([`warn banTemplatePath ${path}: is empty; the page stays as it was`])
})
