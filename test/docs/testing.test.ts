import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { FakeLapi } from '../../src/testing/index.js'
import { Project } from './documented-app.js'

const run = promisify(execFile)
const page = await readFile(resolve(import.meta.dirname, '../../docs/testing.md'), 'utf8')
const blocks = Array.from(page.matchAll(/^```js\n([\s\S]*?)^```$/gm), ([, text]) => text)

let project: Project

beforeAll(async () => {
  project = await Project.create([])
})

afterAll(() => project.remove())

async function outputOf(text: string, env: Readonly<Record<string, string>> = {}): Promise<string[]> {
  await project.write('documented.mjs', text)
  const { stdout } = await run(process.execPath, ['documented.mjs'], {
    cwd: project.directory,
    env: { ...process.env, ...env },
  })
  return stdout.trim().split('\n')
}

it.each([
  [0, 'FakeLapi', ['ban']],
  [1, 'FakeCapi', ['ban', '1 1']],
])('piece %i of docs/testing.md, about %s, does what it says', async (index, name, lines) => {
  expect(blocks[index]).toContain(`{ ${name} }`)
  expect(await outputOf(blocks[index])).toEqual(lines)
})

it('the piece about the LAPI shows what comes', async () => {
  const lapi = await FakeLapi.start()
  onTestFinished(() => lapi.stop())
  lapi.add({ value: '203.0.113.7', duration: '4h', scenario: 'documented' })
  const text = blocks[2].replace('http://127.0.0.1:8080', lapi.url)
  expect(await outputOf(text, { CROWDSEC_API_KEY: lapi.apiKey })).toEqual([
    expect.stringMatching(/^new ban 203\.0\.113\.7 (4h0m0s|3h59m)/),
  ])
  expect(blocks).toHaveLength(3)
})
