/**
 * Every command in the section "Commands" of docs/capi.md is run as it stands there, one after the other: by a shell, or, where the
 * shell has only to find the words, in one process for all.
 */

import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FakeCapi } from '../../src/testing/index.js'
import { compiledProgram } from '../cli/compiled-program.js'
import { ProgramProcess } from '../cli/program-process.js'
import type { Run } from '../cli/run.js'

const run = promisify(execFile)
const main = compiledProgram()
const page = await readFile(resolve(import.meta.dirname, '../../docs/capi.md'), 'utf8')
const [section = ''] = page.split(/^(?=## )/m).filter((text) => text.startsWith('## Commands\n'))
const blocks = [...section.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language, text]) => ({ language, text }))

let directory: string
let capi: FakeCapi
let env: NodeJS.ProcessEnv
let program: ProgramProcess

function only(language: string): string {
  const [block, ...more] = blocks.filter((one) => one.language === language)
  if (block === undefined || more.length > 0) throw new Error(`expected one block of ${language}`)
  return block.text
}

beforeAll(async () => {
  capi = await FakeCapi.start({ attachmentKeys: ['d0cumented'] })
  capi.setCommunity([{ value: '203.0.113.7' }])
  capi.addBlocklist({ name: 'documented', values: ['198.51.100.1', '198.51.100.2', '198.51.100.3', '198.51.100.4'] })
  directory = await mkdtemp(join(tmpdir(), 'csb-capi-docs-'))
  const write = (file: string, text: string) => writeFile(join(directory, file), text)
  await write('crowdsec-bouncer.yaml', `capi_url: ${capi.url}/v3\ncapi_allow_private_links: true\n${only('yaml')}`)
  await write('attacks.jsonl', only('json'))
  await write('attachment-key', 'd0cumented\n')
  await write('crowdsec-bouncer', `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`)
  await chmod(join(directory, 'crowdsec-bouncer'), 0o755)
  const PATH = `${directory}:${process.env['PATH']}`
  env = { ...process.env, PATH, CROWDSEC_BOUNCER_ATTACHMENT_KEY: 'd0cumented' }
  program = new ProgramProcess(main, directory, env)
})

afterAll(async () => {
  program.kill()
  await capi.stop()
  await rm(directory, { recursive: true })
})

const commands = blocks
  .filter(({ language }) => language === 'sh')
  .flatMap(({ text }) => text.replaceAll('\\\n', '').trimEnd().split('\n'))

test('there are as many as one would think', () => {
  expect(commands.length).toBeGreaterThan(15)
})

async function shell(text: string): Promise<string> {
  const { stdout } = await run('bash', ['-o', 'pipefail', '-ec', text], { cwd: directory, env })
  return stdout
}

async function runCommand(command: string): Promise<Run> {
  if (/[|<>]/.test(command)) return { exitCode: 0, out: await shell(command), err: '' }
  const words = await shell(`crowdsec-bouncer() { printf '%s\\0' "$@"; }\n${command}`)
  return program.run(words.split('\0').slice(0, -1))
}

test.each(commands)('%s', async (command) => {
  const { exitCode, out, err } = await runCommand(command)
  expect(exitCode, err).toBe(0)
  if (command.includes('--json')) for (const line of out.trim().split('\n')) if (line !== '') JSON.parse(line)
})

test('they did what they say', () => {
  expect(capi.machines()).toMatchObject([{ enrollment: { attachmentKey: 'd0cumented' } }])
  expect(capi.signals.map(({ signal }) => signal['source'])).toMatchObject(
    ['192.0.2.7', '192.0.2.8', '192.0.2.9'].map((value) => ({ value })),
  )
})

test('every command has its place there', async () => {
  const { exitCode, out } = await program.run(['capi', '--help'])
  expect(exitCode).toBe(0)
  const names = Array.from(out.matchAll(/^ {2}([a-z]+) /gm), ([, name]) => name).filter((name) => name !== 'help')
  expect(names.length).toBeGreaterThan(5)
  for (const name of names) expect(section).toContain(`crowdsec-bouncer capi ${name} `)
})

test('none of them left anything open: the process ends by itself', async () => {
  expect(await program.end()).toBe(0)
})
