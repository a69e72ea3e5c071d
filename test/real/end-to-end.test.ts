/** Everything together on a real LAPI 1.4.6: an Express app and a check service, each with its own key, and visitors. */

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Bouncer, type BouncerEvents, type BouncerOptions, createBouncer } from '../../src/index.js'
import { CrowdsecEngine } from './crowdsec-engine.js'
import { Door } from './door.js'
import { type ProtectedSite, startApp, startService } from './protected-site.js'

const FREQUENCY = '200ms'
/** One poll, and what a busy machine adds to it. */
const SOON = { timeout: 15_000, interval: 50 }

const cleanups: (() => unknown)[] = []
let engine: CrowdsecEngine
let app: ProtectedSite
let service: ProtectedSite

beforeAll(async () => {
  engine = await CrowdsecEngine.start()
  cleanups.push(() => engine.stop())
  for (const name of ['app', 'service', 'comparison']) await engine.cscli('bouncers', 'add', name, '-k', `${name}-key`)
  app = await startApp(optionsFor({ apiKey: 'app-key' }))
  cleanups.push(() => app.stop())
  service = await startService(optionsFor({ apiKey: 'service-key' }))
  cleanups.push(() => service.stop())
})

afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

function optionsFor(over: Partial<BouncerOptions>): BouncerOptions {
  return { apiUrl: engine.url, streamUpdateFrequency: FREQUENCY, ...over }
}

/** What both sites make of an address: one word where they agree. */
async function verdict(address: string): Promise<string> {
  const [one, other] = await Promise.all([app.visit(address), service.visit(address)])
  return one === other ? one : `${one} by the app, ${other} by the service`
}

async function becomes(address: string, action: string): Promise<void> {
  await vi.waitFor(async () => expect(`${address}: ${await verdict(address)}`).toBe(`${address}: ${action}`), SOON)
}

function actions(bouncer: Bouncer, ...addresses: readonly string[]): string {
  return addresses.map((address) => bouncer.check(address).action).join(' ')
}

/** The next event of that name (that matches). */
function next<Name extends keyof BouncerEvents>(
  bouncer: Bouncer,
  name: Name,
  matches: (event: BouncerEvents[Name][0]) => boolean = () => true,
): Promise<BouncerEvents[Name][0]> {
  return new Promise((resolve) => {
    const listener = (...[event]: BouncerEvents[Name]) => {
      if (!matches(event)) return
      bouncer.off(name, listener)
      resolve(event)
    }
    bouncer.on(name, listener)
  })
}

async function bothSync(): Promise<void> {
  await Promise.all([next(app.bouncer, 'synced'), next(service.bouncer, 'synced')])
}

interface EngineDecision {
  readonly scope: string
  readonly value: string
  readonly type: string
}

/** The engine's active set, asked for under a key of its own. */
async function activeSet(): Promise<readonly EngineDecision[]> {
  const answer = await fetch(`${engine.url}/v1/decisions/stream?startup=true&scopes=ip,range`, {
    headers: { 'X-Api-Key': 'comparison-key', 'User-Agent': 'comparison/v1' },
  })
  const body = (await answer.json()) as { readonly new: readonly EngineDecision[] | null }
  return body.new ?? []
}

function namesOf(decisions: readonly EngineDecision[]): ReadonlySet<string> {
  return new Set(decisions.map(({ scope, value, type }) => `${type} ${scope} ${value}`))
}

describe('within a poll, the app and the service', () => {
  it.each([
    ['an address', '203.0.113.1', ['-i', '203.0.113.1'], '203.0.113.2'],
    ['a range', '198.51.100.77', ['-r', '198.51.100.0/24'], '198.51.101.1'],
    ['an IPv6 address', '2001:db8::1', ['-i', '2001:DB8:0::1'], '2001:db8::2'],
    ['an IPv6 range', '2001:db8:5::1', ['-r', '2001:db8:5::/48'], '2001:db8:6::1'],
  ])('ban %s, and lift it', async (_name, address, args, neighbour) => {
    expect(await verdict(address)).toBe('allow')
    await engine.cscli('decisions', 'add', ...args)
    await becomes(address, 'ban')
    expect(await verdict(neighbour)).toBe('allow')
    await engine.cscli('decisions', 'delete', ...args)
    await becomes(address, 'allow')
  })

  it('let a ban expire', async () => {
    await engine.addDecision({ value: '203.0.113.3', duration: '1500ms' })
    await becomes('203.0.113.3', 'ban')
    await becomes('203.0.113.3', 'allow')
  })

  it('put a ban above a captcha that lasts longer, and show the captcha when the ban goes', async () => {
    await engine.cscli('decisions', 'add', '-i', '203.0.113.4', '-t', 'captcha', '-d', '9h')
    await becomes('203.0.113.4', 'captcha')
    await engine.cscli('decisions', 'add', '-i', '203.0.113.4', '-t', 'ban', '-d', '1h')
    await becomes('203.0.113.4', 'ban')
    await engine.cscli('decisions', 'delete', '-i', '203.0.113.4', '-t', 'ban')
    await becomes('203.0.113.4', 'captcha')
    await engine.cscli('decisions', 'delete', '-i', '203.0.113.4')
    await becomes('203.0.113.4', 'allow')
  })

  it('keep a ban that is deleted and made again between two polls, and lift it once', async () => {
    await engine.addDecision({ value: '203.0.113.5', duration: '4h' })
    await becomes('203.0.113.5', 'ban')
    await engine.deleteDecisions({ value: '203.0.113.5' })
    await engine.addDecision({ value: '203.0.113.5', duration: '2h' })
    await bothSync()
    await bothSync()
    expect(await verdict('203.0.113.5')).toBe('ban')
    await engine.deleteDecisions({ value: '203.0.113.5' })
    await becomes('203.0.113.5', 'allow')
  })
})

describe('when the engine', () => {
  it('restarts, what it said stays in force and what it says then comes', async () => {
    await engine.addDecision({ value: '203.0.113.6', duration: '4h' })
    await becomes('203.0.113.6', 'ban')
    const restarted = engine.restart()
    expect(await verdict('203.0.113.6')).toBe('ban')
    await restarted
    await engine.addDecision({ value: '203.0.113.7', duration: '4h' })
    await becomes('203.0.113.7', 'ban')
    expect(await verdict('203.0.113.6')).toBe('ban')
    await engine.deleteDecisions({ value: '203.0.113.6' })
    await becomes('203.0.113.6', 'allow')
  })

  it('cannot be reached, bans hold until they expire, and deltas go on once it can', async () => {
    const door = await Door.to(engine.url)
    const bouncer = createBouncer(optionsFor({ apiUrl: door.url, apiKey: engine.apiKey }))
    cleanups.push(
      () => bouncer.stop(),
      () => door.close(),
    )
    await engine.addDecision({ value: '203.0.113.10', duration: '4h' })
    await engine.addDecision({ value: '203.0.113.11', duration: '3s' })
    await bouncer.start()
    expect(actions(bouncer, '203.0.113.10', '203.0.113.11', '203.0.113.12')).toBe('ban ban allow')
    await next(bouncer, 'synced') // between two polls, so that none is cut
    await door.close()
    const replaced = next(bouncer, 'synced', ({ kind }) => kind === 'replaced')
    expect((await next(bouncer, 'stale')).error).toMatchObject({ code: 'ERR_CSB_CONNECT' })
    await engine.addDecision({ value: '203.0.113.12', duration: '4h' })
    expect(actions(bouncer, '203.0.113.10', '203.0.113.12')).toBe('ban allow')
    await vi.waitFor(() => expect(actions(bouncer, '203.0.113.10', '203.0.113.11')).toBe('ban allow'), SOON)
    await door.open()
    await next(bouncer, 'synced')
    expect(actions(bouncer, '203.0.113.10', '203.0.113.11', '203.0.113.12')).toBe('ban allow ban')
    expect(await Promise.race([replaced, 'only deltas'])).toBe('only deltas')
    await bouncer.stop()
  })
})

describe('many decisions', () => {
  it('20,000 inserted during polling are all there after one resync, and no others', async () => {
    const resyncing = createBouncer(optionsFor({ apiKey: engine.apiKey, resyncInterval: '2s' }))
    cleanups.push(() => resyncing.stop())
    await resyncing.start()
    const valueAt = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`
    for (let batch = 0; batch < 20; batch++) {
      await engine.database.bulk(1000, (index) => ({ value: valueAt(batch * 1000 + index), duration: '4h' }))
    }
    // Twice: the first full answer may have been asked for before the last insert.
    for (let i = 0; i < 2; i++) await next(resyncing, 'synced', ({ kind }) => kind === 'replaced')
    const active = await activeSet()
    expect(active.length).toBeGreaterThanOrEqual(20_000)
    expect(resyncing.stats().decisions).toBe(namesOf(active).size)
    const enforced = active.flatMap(({ value }) => resyncing.explain(value.replace(/\/\d+$/, '')))
    expect(namesOf(enforced)).toEqual(namesOf(active))
    expect(resyncing.check('10.200.0.1').action).toBe('allow')
    await resyncing.stop()
  })

  it('all of them deleted at once are gone with the next delta', async () => {
    const fresh = createBouncer(optionsFor({ apiKey: engine.apiKey }))
    cleanups.push(() => fresh.stop())
    await fresh.start()
    expect(fresh.stats().decisions).toBeGreaterThanOrEqual(20_000)
    const changed = next(fresh, 'synced', ({ removed }) => removed > 0)
    await engine.cscli('decisions', 'delete', '--all')
    expect(await changed).toMatchObject({ kind: 'changed', held: 0 })
    expect(await activeSet()).toEqual([])
    await fresh.stop()
    await vi.waitFor(() => {
      expect([app.bouncer.stats().decisions, service.bouncer.stats().decisions]).toEqual([0, 0])
    }, SOON)
  })
})

describe('a key', () => {
  it('that is wrong is named in the error and never shown', async () => {
    const bouncer = createBouncer(optionsFor({ apiKey: 'hunter2-hunter2', startTimeout: 5000 }))
    cleanups.push(() => bouncer.stop())
    const failed = next(bouncer, 'error')
    void bouncer.start()
    const error = await failed
    expect(error).toMatchObject({ code: 'ERR_CSB_LAPI_AUTH', message: expect.stringContaining('api_key') })
    expect(error.message).not.toContain('hunter2')
    expect(bouncer.isReady()).toBe(false)
    expect(bouncer.check('203.0.113.1').action).toBe('allow')
    await bouncer.stop()
  })

  it('that is deleted and registered again brings everything anew', async () => {
    await engine.addDecision({ value: '203.0.113.9', duration: '4h' })
    await becomes('203.0.113.9', 'ban')
    const failed = next(app.bouncer, 'error')
    await engine.cscli('bouncers', 'delete', 'app')
    await failed
    expect(await verdict('203.0.113.9')).toBe('ban')
    await engine.deleteDecisions({ value: '203.0.113.9' })
    await engine.cscli('bouncers', 'add', 'app', '-k', 'app-key')
    await becomes('203.0.113.9', 'allow')
  })

  it('is shown by the engine with our name and version', async () => {
    expect(await engine.cscli('bouncers', 'list', '-o', 'raw')).toMatch(/app,.*crowdsec-nodejs-bouncer,v\d+\.\d+\.\d+/)
  })
})
