import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createBouncer } from '../../src/index.js'
import { KeyClaim } from '../../src/lapi/key-claim.js'
import { FakeLapi } from '../../src/testing/index.js'
import { temporaryDirectory } from '../temporary-directory.js'

const apiKey = `key-of-${process.pid}`
const apiUrl = 'http://127.0.0.1:8080'

function claim(over: { apiUrl?: string; apiKey?: string; patience?: number } = {}) {
  let tell: (word: 'shared') => void = () => {}
  const shared = new Promise<'shared'>((resolve) => {
    tell = resolve
  })
  const made = new KeyClaim({ apiUrl, apiKey, patience: 50, onShared: () => tell('shared'), ...over })
  onTestFinished(() => made.stop())
  made.start()
  return { made, shared }
}

/** Longer than the patience above. */
const quiet = () => new Promise<'quiet'>((resolve) => setTimeout(resolve, 300, 'quiet'))

describe.runIf(process.platform === 'linux')('a key', () => {
  it('that another one holds, and holds on to, is noticed by whoever comes second', async () => {
    const first = claim()
    const second = claim()
    expect(await second.shared).toBe('shared')
    expect(await Promise.race([first.shared, quiet()])).toBe('quiet')
  })

  it.each([
    ['another key', { apiKey: `${apiKey}-other` }],
    ['another LAPI', { apiUrl: 'http://127.0.0.1:8081' }],
  ])('is not taken by %s', async (_name, over) => {
    const [first, second] = [claim(), claim(over)]
    expect(await Promise.race([first.shared, second.shared, quiet()])).toBe('quiet')
  })

  it('may be handed over in a restart', async () => {
    const old = claim()
    const young = claim()
    old.made.stop()
    expect(await Promise.race([young.shared, quiet()])).toBe('quiet')
    expect(await claim().shared).toBe('shared') // the young one holds it now
  })

  it.each([
    ['stays', () => {}],
    ['goes, too', (other: KeyClaim) => other.stop()],
  ])('is not claimed after a stop in the moment of the start, where the one who holds it %s', async (_name, then) => {
    const other = claim()
    const stopped = claim()
    stopped.made.stop()
    then(other.made)
    expect(await Promise.race([stopped.shared, quiet()])).toBe('quiet')
    other.made.stop()
    expect(await Promise.race([claim().shared, quiet()])).toBe('quiet')
  })

  it('that workers of a cluster share is noticed, although a cluster shares its sockets', async () => {
    const script = `
      import cluster from 'node:cluster'
      import { KeyClaim } from ${JSON.stringify(resolve(import.meta.dirname, '../../dist/src/lapi/key-claim.js'))}
      if (cluster.isPrimary) {
        const workers = [cluster.fork(), cluster.fork()]
        cluster.on('message', (_worker, message) => {
          console.log(message)
          for (const worker of workers) worker.kill()
        })
      } else {
        const options = { apiUrl: 'http://127.0.0.1:8080', apiKey: 'cluster-${process.pid}', patience: 50 }
        new KeyClaim({ ...options, onShared: () => process.send('shared') }).start()
      }
    `
    const file = join(temporaryDirectory(), 'cluster.mjs')
    writeFileSync(file, script)
    const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 15_000 })
    expect(stdout).toBe('shared\n')
  })

  it('is claimed by a bouncer that pulls the stream, until it stops; not in live mode', async () => {
    const lapi = await FakeLapi.start()
    onTestFinished(() => lapi.stop())
    const other = { apiUrl: lapi.url, apiKey: lapi.apiKey }
    const live = createBouncer({ ...other, mode: 'live' })
    const stream = createBouncer(other)
    onTestFinished(() => live.stop())
    onTestFinished(() => stream.stop())
    await live.start()
    const before = claim(other)
    expect(await Promise.race([before.shared, quiet()])).toBe('quiet')
    before.made.stop()
    await stream.start()
    expect(await claim(other).shared).toBe('shared')
    await stream.stop()
    expect(await Promise.race([claim(other).shared, quiet()])).toBe('quiet')
  })

  it('is not shown', () => {
    claim()
    const sockets = readFileSync('/proc/net/unix', 'utf8')
    expect(sockets).toMatch(/@crowdsec-bouncer-[0-9a-f]{32}/)
    expect(sockets).not.toContain(apiKey)
  })
})

it('nothing is claimed where sockets have no names of that kind', () => {
  const made = new KeyClaim({ apiUrl, apiKey: `${apiKey}-mac`, onShared: () => {} })
  made.start('darwin')
  made.stop()
})
