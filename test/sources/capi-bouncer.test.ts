/** CAPI as a source, as users get it: from options alone, and beside a LAPI. */

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type Bouncer, type BouncerOptions, createBouncer } from '../../src/index.js'
import { FakeCapi, FakeLapi } from '../../src/testing/index.js'
import { decision, listSource } from '../source-of-decisions.js'
import { temporaryDirectory } from '../temporary-directory.js'

async function startCapi(): Promise<FakeCapi> {
  const capi = await FakeCapi.start()
  onTestFinished(() => capi.stop())
  capi.setCommunity([{ value: '192.0.2.0/28', scope: 'range' }])
  capi.addBlocklist({ name: 'botnets', values: ['198.51.100.1'] })
  capi.addAllowlist({ name: 'ours', entries: ['192.0.2.7'] })
  return capi
}

function optionsFor(capi: FakeCapi): BouncerOptions {
  return { capiPull: true, capiUrl: `${capi.url}/v3`, capiStorage: 'memory', capiAllowPrivateLinks: true }
}

async function startBouncer(capi: FakeCapi, more: Partial<BouncerOptions> = {}): Promise<Bouncer> {
  const bouncer = createBouncer({ ...optionsFor(capi), ...more })
  onTestFinished(() => bouncer.stop())
  await bouncer.start()
  return bouncer
}

/** By then, what the last run knew is in force. */
async function failedToPull(bouncer: Bouncer): Promise<void> {
  const failures = () => bouncer.stats().sources.map(({ name, failures }) => (name === 'capi' ? failures : 1))
  await vi.waitFor(() => expect(failures().every((count) => count > 0)).toBe(true), { timeout: 10_000 })
}

const actions = (bouncer: Bouncer, ...addresses: readonly string[]) =>
  addresses.map((address) => bouncer.check(address).action).join(' ')

describe('CAPI alone', () => {
  it('blocks from the community list and from a blocklist, and lets pass who is on an allowlist', async () => {
    const bouncer = await startBouncer(await startCapi())
    expect(bouncer.isReady()).toBe(true)
    expect(actions(bouncer, '192.0.2.1', '198.51.100.1', '192.0.2.7', '203.0.113.9')).toBe('ban ban allow allow')
    expect(await bouncer.registry.metrics()).toContain(
      'crowdsec_bouncer_decisions{origin="lists",type="ban",ip_family="ipv4"} 1',
    )
  })

  it('asks for no list of the console where that is switched off', async () => {
    const capi = await startCapi()
    const bouncer = await startBouncer(capi, { capiAdditionalPull: false })
    expect(actions(bouncer, '192.0.2.1', '198.51.100.1', '192.0.2.7')).toBe('ban allow ban')
    expect(capi.requests.filter(({ path }) => path.includes('lists/'))).toEqual([])
  })

  it('protects after a restart while CAPI is down, allowlists included', async () => {
    const folder = temporaryDirectory()
    const capi = await startCapi()
    const kept = { snapshotFile: join(folder, 'snapshot'), capiMachineId: 'm'.repeat(48) }
    await (await startBouncer(capi, kept)).stop()
    expect((await readdir(folder)).sort()).toEqual(['snapshot', 'snapshot+allowlists'])
    await capi.down()
    const again = await startBouncer(capi, { ...kept, startTimeout: 200 })
    await failedToPull(again)
    expect(actions(again, '192.0.2.1', '198.51.100.1', '192.0.2.7')).toBe('ban ban allow')
    expect(again.isReady()).toBe(false)
  })

  it.each([
    ['as another machine', { capiMachineId: 'n'.repeat(48) }],
    ['without CAPI', { capiPull: false }],
    ['without the lists of the console', { capiAdditionalPull: false }],
  ])(
    'after a restart %s has nothing of the one before, and lets nobody pass for its allowlists',
    async (_how, other) => {
      const capi = await startCapi()
      const kept = { snapshotFile: join(temporaryDirectory(), 'snapshot'), capiMachineId: 'm'.repeat(48) }
      await (await startBouncer(capi, kept)).stop()
      await capi.down()
      const sources = [listSource([decision({ value: '192.0.2.7' })])]
      const again = await startBouncer(capi, { ...kept, sources, startTimeout: 200, ...other })
      await failedToPull(again)
      expect(actions(again, '192.0.2.1', '192.0.2.7')).toBe('allow ban')
    },
  )

  it('after a restart lets pass who is on an allowlist from the first moment', async () => {
    const capi = await startCapi()
    const kept = { snapshotFile: join(temporaryDirectory(), 'snapshot'), capiMachineId: 'm'.repeat(48) }
    await (await startBouncer(capi, kept)).stop()
    await capi.down()
    const sources = [listSource([decision({ value: '192.0.2.7' })])]
    const again = createBouncer({ ...optionsFor(capi), ...kept, sources })
    onTestFinished(() => again.stop())
    const seen = new Promise<string>((resolve) => {
      again.on('synced', () => resolve(actions(again, '192.0.2.7')))
    })
    again.startInBackground()
    expect(await seen).toBe('allow')
    expect(again.explain('192.0.2.7')).toHaveLength(1)
  })
})

describe('with the first pull', () => {
  it('a snapshot of decisions and one of allowlists are written, for a process that is killed', async () => {
    const folder = temporaryDirectory()
    const capi = await startCapi()
    await startBouncer(capi, { snapshotFile: join(folder, 'snapshot') })
    await expect.poll(async () => (await readdir(folder)).sort()).toEqual(['snapshot', 'snapshot+allowlists'])
  })
})

describe('CAPI beside a LAPI', () => {
  it('holds its decisions apart, and its allowlists hold for all', async () => {
    const capi = await startCapi()
    const lapi = await FakeLapi.start()
    onTestFinished(() => lapi.stop())
    const id = lapi.add({ value: '192.0.2.1', duration: '4h', origin: 'cscli', scenario: 'manual' })
    lapi.add({ value: '192.0.2.7', duration: '4h', origin: 'cscli' })
    lapi.add({ value: '203.0.113.9', duration: '4h' })
    const bouncer = await startBouncer(capi, { apiUrl: lapi.url, apiKey: lapi.apiKey, streamUpdateFrequency: 100 })
    expect(actions(bouncer, '192.0.2.1', '192.0.2.7', '198.51.100.1', '203.0.113.9')).toBe('ban allow ban ban')
    const origins = () => bouncer.explain('192.0.2.1').map(({ origin }) => origin)
    expect(origins()).toEqual(['cscli', 'CAPI'])
    const synced = new Promise<void>((resolve) => {
      bouncer.on('synced', ({ removed }) => void (removed > 0 && resolve()))
    })
    lapi.delete({ id })
    await synced
    expect(origins()).toEqual(['CAPI'])
  })
})
