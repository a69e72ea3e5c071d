/** A file that changes at any moment, the first ones most of all, is told when it is whole. */

import { chmodSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
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
  [
    'is overwritten by one of its length and with its times',
    (path) => writeOld(path, 'a'),
    (path) => writeOld(path, 'b'),
  ],
  ['may be read only now', (path) => writeFileSync(path, 'a', { mode: 0 }), (path) => chmodSync(path, 0o600)],
])('a file that %s right after the first look is told once', async (_name, before, change) => {
  const { path, watch, told } = setUp()
  before(path)
  await watch.start()
  change(path)
  await expect.poll(told).toBe(1)
  await watchOnce(path)
  expect(told()).toBe(1)
})

it('a file that is being written is told when that is over', async () => {
  const { path, watch, told } = setUp()
  writeFileSync(path, 'whole')
  await watch.start()
  let written = 0
  const toldMeanwhile = await new Promise<number>((resolve) => {
    // Between two looks, which are at least five milliseconds apart, the file has always grown.
    const writing = setInterval(() => {
      writeFileSync(path, 'x'.repeat(written++))
      if (written < 100) return
      clearInterval(writing)
      resolve(told())
    }, 1)
  })
  expect(toldMeanwhile).toBe(0)
  await expect.poll(told).toBe(1)
})

describe('a file that could not be read', () => {
  it.each([
    ['at first', () => {}, 0],
    ['when it was told', (path: string) => writeFileSync(path, 'ab'), 1],
  ])('%s is told again, though it stays as it is', async (_name, change, before) => {
    const { path, watch, told } = setUp()
    writeFileSync(path, 'a')
    await watch.start()
    change(path)
    await expect.poll(told).toBe(before)
    watch.forget()
    await expect.poll(told).toBe(before + 1)
    await watchOnce(path)
    expect(told()).toBe(before + 1)
  })

  it.each([
    ['was not there', () => {}, () => {}, 0],
    ['was told as gone', (path: string) => writeFileSync(path, 'a'), (path: string) => rmSync(path), 1],
  ])('because it %s is not', async (_name, before, change, times) => {
    const { path, watch, told } = setUp()
    before(path)
    await watch.start()
    change(path)
    await expect.poll(told).toBe(times)
    watch.forget()
    await watchOnce(path)
    expect(told()).toBe(times)
  })
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

function writeOld(path: string, text: string): void {
  writeFileSync(path, text)
  utimesSync(path, 1, 1)
}

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
