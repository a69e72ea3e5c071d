/** A file that changes at any moment, the first ones most of all, is told. */

import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { FileWatch } from '../src/file-watch.js'

function setUp(): { path: string; watch: FileWatch; told: () => number } {
  const folder = mkdtempSync(join(tmpdir(), 'watch-'))
  const path = join(folder, 'file')
  let told = 0
  const watch = new FileWatch({ path, interval: 5, changed: () => void told++ })
  onTestFinished(() => {
    watch.stop()
    rmSync(folder, { recursive: true })
  })
  return { path, watch, told: () => told }
}

it.each<[string, (path: string) => void, (path: string) => void]>([
  ['is made', () => {}, (path) => writeFileSync(path, 'a')],
  ['is written to', (path) => writeFileSync(path, 'a'), (path) => writeFileSync(path, 'ab')],
  ['is removed', (path) => writeFileSync(path, 'a'), (path) => rmSync(path)],
  [
    'has another one put in its place',
    (path) => writeFileSync(path, 'a'),
    (path) => {
      writeFileSync(`${path}.new`, 'b')
      renameSync(`${path}.new`, path)
    },
  ],
])('a file that %s right after the first look is told once', async (_name, before, change) => {
  const { path, watch, told } = setUp()
  before(path)
  await watch.start()
  change(path)
  await expect.poll(told).toBe(1)
  await watchOnce(path)
  expect(told()).toBe(1)
})

it('nothing is told of a file that stays, nor after the end', async () => {
  const { path, watch, told } = setUp()
  writeFileSync(path, 'a')
  await watch.start()
  await watchOnce(path)
  watch.stop()
  writeFileSync(path, 'abc')
  await watchOnce(path)
  expect(told()).toBe(0)
})

it('a stop during the first look is a stop', async () => {
  const { path, watch, told } = setUp()
  const started = watch.start()
  watch.stop()
  await started
  writeFileSync(path, 'a')
  await watchOnce(path)
  expect(told()).toBe(0)
})

/** Resolves when a second watch, as quick as the first, has seen a change made now: the first one has looked by then, too. */
async function watchOnce(path: string): Promise<void> {
  const { promise, resolve } = resolvable()
  const other = new FileWatch({ path: `${path}.other`, interval: 10, changed: resolve })
  await other.start()
  writeFileSync(`${path}.other`, String(Math.random()))
  await promise
  other.stop()
  rmSync(`${path}.other`)
}

function resolvable(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
