/** Decisions on countries and AS numbers, from the LAPI to the verdict. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { MmdbResolver } from '../../src/geo/mmdb-resolver.js'
import { type Bouncer, type BouncerOptions, createBouncer } from '../../src/index.js'
import { silentLogger } from '../../src/logger.js'
import { FakeLapi } from '../../src/testing/index.js'
import { hangingFile } from '../hanging-file.js'
import { decision, listSource, toldSource } from '../source-of-decisions.js'
import { writeMmdb } from './mmdb-writer.js'

function fileOf(content: Buffer): string {
  const path = mkdtempSync(join(tmpdir(), 'geo-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  writeFileSync(join(path, 'test.mmdb'), content)
  return join(path, 'test.mmdb')
}

const geoipCountryFile = () => fileOf(writeMmdb([['192.0.2.0/24', { country: { iso_code: 'FR' } }]]))
const geoipAsnFile = () => fileOf(writeMmdb([['198.51.100.0/24', { autonomous_system_number: 64500 }]]))

async function startLapi(): Promise<FakeLapi> {
  const lapi = await FakeLapi.start()
  onTestFinished(() => lapi.stop())
  lapi.add({ scope: 'Country', value: 'FR', duration: '1h', type: 'captcha' })
  lapi.add({ scope: 'AS', value: '64500', duration: '1h' })
  lapi.add({ value: '192.0.2.7', duration: '1h' })
  return lapi
}

async function startBouncer(options: BouncerOptions): Promise<Bouncer> {
  const bouncer = createBouncer({ usageMetricsInterval: 0, ...options })
  onTestFinished(() => bouncer.stop())
  await bouncer.start()
  return bouncer
}

const at = ({ url, apiKey }: FakeLapi) => ({ apiUrl: url, apiKey })

it('are enforced by files, beside those on addresses', async () => {
  const lapi = await startLapi()
  const files = { geoipCountryFile: geoipCountryFile(), geoipAsnFile: geoipAsnFile() }
  const bouncer = await startBouncer({ ...at(lapi), ...files })
  const actions = ['192.0.2.1', '192.0.2.7', '198.51.100.1', '203.0.113.1'].map((ip) => bouncer.check(ip).action)
  expect(actions).toEqual(['captcha', 'ban', 'ban', 'allow'])
  expect(bouncer.explain('192.0.2.7').map(({ scope }) => scope)).toEqual(['Ip', 'Country'])
  expect(lapi.requests[0]?.query.get('scopes')).toBe('ip,range,country,as')
})

it('are enforced in live mode, too', async () => {
  const lapi = await startLapi()
  const bouncer = await startBouncer({ ...at(lapi), mode: 'live', geoipCountryFile: geoipCountryFile() })
  expect(await bouncer.ask('192.0.2.1')).toMatchObject({ action: 'captcha', decision: { scope: 'Country' } })
  expect(await bouncer.ask('192.0.2.7')).toMatchObject({ action: 'ban' })
  expect(await bouncer.ask('198.51.100.1')).toMatchObject({ action: 'allow' })
})

it('ask the LAPI only for the scope that can be told', async () => {
  const lapi = await startLapi()
  const bouncer = await startBouncer({ ...at(lapi), scopes: ['AS'], geoipAsnFile: geoipAsnFile() })
  expect(lapi.requests[0]?.query.get('scopes')).toBe('AS')
  expect(bouncer.check('198.51.100.1').action).toBe('ban')
})

it('are enforced by a resolver of your own; what the application says goes first', async () => {
  const sources = [listSource([decision({ scope: 'Country', value: 'FR' }), decision({ scope: 'AS', value: '64500' })])]
  const geoResolver = { locate: (address: string) => (address.startsWith('192.') ? { country: 'FR' } : null) }
  const bouncer = await startBouncer({ sources, geoResolver })
  const addresses = ['192.0.2.1', '::ffff:192.0.2.1', '203.0.113.1', '192.0.2.1:80', '']
  const actions = addresses.map((address) => bouncer.check(address).action)
  expect(actions).toEqual(['ban', 'ban', 'allow', 'allow', 'allow'])
  expect(bouncer.check('192.0.2.1', { Country: 'DE' }).action).toBe('allow')
  expect(bouncer.check('192.0.2.1', { username: 'bob' }).action).toBe('ban')
})

it.each<[string, () => unknown, unknown[]]>([
  ['throws', () => fail(), ['CSB_GEO_RESOLVER: geoResolver failed, so the place of a visitor is not known: no luck']],
  ['returns a promise', async () => ({ country: 'FR' }), [expect.stringContaining('at once, got a promise')]],
  ['returns a promise that rejects', async () => fail(), [expect.stringContaining('at once, got a promise')]],
  ['returns nothing', () => undefined, []],
])('a resolver of your own that %s knows nothing, harms nobody, and is told once', async (_name, locate, told) => {
  const lines: string[] = []
  const logger = { debug() {}, info() {}, error() {}, warn: (line: string) => void lines.push(line) }
  const sources = [listSource([decision({ scope: 'Country', value: 'FR' }), decision({ value: '192.0.2.7' })])]
  const geoResolver = { locate: locate as () => null } // whoever wrote it has no types
  const bouncer = await startBouncer({ sources, geoResolver, logger })
  for (let i = 0; i < 3; i++) {
    expect(['192.0.2.1', '192.0.2.7'].map((address) => bouncer.check(address).action)).toEqual(['allow', 'ban'])
  }
  expect(bouncer.explain('192.0.2.7').length).toBe(1)
  expect(lines).toEqual(told)
})

it('a bad file fails the start and nothing else: everything that is known protects', async () => {
  const lapi = await startLapi()
  const bouncer = createBouncer({ ...at(lapi), usageMetricsInterval: 0, geoipCountryFile: fileOf(Buffer.from('no')) })
  onTestFinished(() => bouncer.stop())
  const synced = new Promise((resolve) => bouncer.on('synced', resolve))
  await expect(bouncer.start()).rejects.toMatchObject({ code: 'ERR_CSB_GEOIP' })
  await synced
  expect([bouncer.check('192.0.2.7').action, bouncer.check('192.0.2.1').action]).toEqual(['ban', 'allow'])
})

it('a bad file is told once where the start is not waited for, and requests that wait go on', async () => {
  const lapi = await startLapi()
  const lines: string[] = []
  const bouncer = createBouncer({
    ...at(lapi),
    usageMetricsInterval: 0,
    waitForSync: true,
    geoipCountryFile: fileOf(Buffer.from('no')),
    logger: { debug() {}, info() {}, error() {}, warn: (line) => void lines.push(line) },
  })
  onTestFinished(() => bouncer.stop())
  bouncer.startInBackground()
  expect((await bouncer.ask('192.0.2.7')).action).toBe('ban')
  await expect.poll(() => lines).toEqual([expect.stringMatching(/^ERR_CSB_GEOIP: The MMDB file/)])
})

it('a missing file does not let go the requests that wait for the first sync', async () => {
  const geoipCountryFile = '/nowhere/GeoLite2-Country.mmdb'
  const { source, sink } = toldSource()
  const bouncer = createBouncer({ sources: [source], waitForSync: true, geoipCountryFile })
  onTestFinished(() => bouncer.stop())
  const started = expect(bouncer.start()).rejects.toMatchObject({ code: 'ERR_CSB_GEOIP' })
  // Another reading of the same file, begun later, is over: so is the bouncer's.
  const other = new MmdbResolver({ countryFile: geoipCountryFile, logger: silentLogger })
  onTestFinished(() => other.stop())
  await expect(other.start()).rejects.toThrow('ENOENT')
  const asked = Promise.resolve(bouncer.ask('1.2.3.4'))
  await (await sink).replaceAll([decision()])
  expect((await asked).action).toBe('ban')
  await started
})

it('a file on a drive that hangs holds up no stop', async () => {
  const bouncer = createBouncer({ sources: [listSource([])], geoipCountryFile: hangingFile(), startTimeout: 100 })
  await bouncer.start()
  await bouncer.stop()
})

function fail(): never {
  throw new Error('no luck')
}
