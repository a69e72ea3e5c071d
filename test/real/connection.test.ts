/** The ways to a real LAPI: a key, a key in a file, a certificate, an authority of one's own; and live mode against it. */

import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type Bouncer, type BouncerOptions, createBouncer } from '../../src/index.js'
import { fixture } from '../http/https-server.js'
import { CrowdsecEngine } from './crowdsec-engine.js'

async function start(options: BouncerOptions): Promise<Bouncer> {
  const bouncer = createBouncer({ usageMetricsInterval: 0, streamUpdateFrequency: 100, startTimeout: '3s', ...options })
  onTestFinished(() => bouncer.stop())
  await bouncer.start()
  return bouncer
}

const authority = { tlsCaFile: fixture('authority.pem') }
const certificate = (name: string) => ({ tlsCertFile: fixture(`${name}.pem`), tlsKeyFile: fixture(`${name}.key`) })

describe('over TLS', () => {
  let engine: CrowdsecEngine
  beforeAll(async () => {
    const server = { cert: fixture('server.pem'), key: fixture('server.key'), ca: fixture('authority.pem') }
    engine = await CrowdsecEngine.start({ tls: { ...server, bouncersOu: 'bouncers' } })
    await engine.addDecision({ value: '192.0.2.1', duration: '1h' })
  })
  afterAll(() => engine?.stop())

  it.each<[string, () => BouncerOptions]>([
    ['a key and an authority of our own', () => ({ apiKey: engine.apiKey, ...authority })],
    ['a certificate', () => ({ ...certificate('client'), ...authority })],
    ['a key, and no look at the certificate', () => ({ apiKey: engine.apiKey, insecureSkipVerify: true })],
  ])('%s', async (_name, options) => {
    const bouncer = await start({ apiUrl: engine.url, ...options() })
    expect(bouncer.stats().sources).toEqual([expect.objectContaining({ name: 'lapi', state: 'synced', decisions: 1 })])
    expect(bouncer.check('192.0.2.1').action).toBe('ban')
  })

  it('a certificate is known to the LAPI by its name', async () => {
    await start({ apiUrl: engine.url, ...certificate('other-client'), ...authority })
    expect(await engine.cscli('bouncers', 'list', '-o', 'raw')).toMatch(/^other@127\.0\.0\.1,/m)
  })

  it('a certificate serves live mode, too', async () => {
    const bouncer = await start({
      apiUrl: engine.url,
      ...certificate('client'),
      ...authority,
      mode: 'live',
      lapiTimeout: '2s',
    })
    expect(await bouncer.ask('192.0.2.1')).toMatchObject({ action: 'ban' })
    expect(await bouncer.ask('192.0.2.2')).toMatchObject({ action: 'allow' })
  })

  it.each<[string, BouncerOptions, string]>([
    ['no authority', { apiKey: 'k' }, 'is not trusted'],
    ['a wrong key', { apiKey: 'k', ...authority }, 'refuses the key given as api_key (status 403)'],
    ['a certificate without the unit', { ...certificate('server'), ...authority }, 'refuses'],
  ])('%s is told', async (_name, options, message) => {
    const bouncer = await start({ apiUrl: engine.url, startTimeout: 500, ...options })
    expect(bouncer.stats().sources[0]).toMatchObject({ state: 'starting', lastError: expect.stringContaining(message) })
  })

  it('a certificate that expired is refused, and comes into use when it is replaced', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'certificate-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const put = (name: string) => {
      copyFileSync(fixture(`${name}.pem`), join(folder, 'cert.pem'))
      copyFileSync(fixture(`${name}.key`), join(folder, 'key.pem'))
    }
    put('expired-client')
    const paths = { tlsCertFile: join(folder, 'cert.pem'), tlsKeyFile: join(folder, 'key.pem') }
    const bouncer = await start({ apiUrl: engine.url, startTimeout: 500, ...paths, ...authority })
    expect(bouncer.isReady()).toBe(false)
    put('client')
    await expect.poll(() => bouncer.isReady(), { timeout: 15_000 }).toBe(true)
    expect(bouncer.check('192.0.2.1').action).toBe('ban')
  })
})

describe('live mode', () => {
  let engine: CrowdsecEngine
  beforeAll(async () => {
    engine = await CrowdsecEngine.start()
    await engine.cscli('decisions', 'add', '-i', '192.0.2.1', '-t', 'captcha')
    await engine.cscli('decisions', 'add', '-r', '192.0.2.0/28')
    await engine.cscli('decisions', 'add', '-r', '2001:db8::/32', '-t', 'captcha')
    await engine.cscli('decisions', 'add', '--scope', 'country', '-v', 'FR')
    await engine.cscli('bouncers', 'add', 'live', '-k', 'live-key')
  })
  afterAll(() => engine?.stop())

  const options = (): BouncerOptions => ({ apiUrl: engine.url, apiKey: engine.apiKey, mode: 'live', lapiTimeout: '2s' })

  it.each([
    ['192.0.2.1', 'ban'],
    ['192.0.2.15', 'ban'],
    ['192.0.2.16', 'allow'],
    ['::ffff:192.0.2.1', 'ban'],
    ['2001:DB8:0:0::1', 'captcha'],
    ['2001:db8::1%eth0', 'captcha'],
    ['2001:db9::1', 'allow'],
  ])('%s', async (address, action) => {
    const bouncer = await start(options())
    expect((await bouncer.ask(address)).action).toBe(action)
  })

  it('asks about a country', async () => {
    const geoResolver = { locate: () => ({ country: 'FR' }) }
    const bouncer = await start({ ...options(), geoResolver })
    expect(await bouncer.ask('198.51.100.1')).toMatchObject({
      action: 'ban',
      decision: { scope: 'Country', value: 'FR' },
    })
  })

  it('goes by the filters', async () => {
    const bouncer = await start({ ...options(), origins: ['CAPI'] })
    expect((await bouncer.ask('192.0.2.1')).action).toBe('allow')
  })

  it('works with a key in a file, and a second one for questions', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'keys-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    writeFileSync(join(folder, 'stream'), `${engine.apiKey}\n`)
    writeFileSync(join(folder, 'live'), 'live-key\n')
    const files = { apiKeyFile: join(folder, 'stream'), liveApiKeyFile: join(folder, 'live') }
    const bouncer = await start({
      apiUrl: engine.url,
      mode: 'hybrid',
      lapiTimeout: '2s',
      streamUpdateFrequency: '1h',
      ...files,
    })
    expect(bouncer.ask('192.0.2.15')).toMatchObject({ action: 'ban' })
    await engine.addDecision({ value: '198.51.100.9', duration: '1h' })
    expect(await bouncer.ask('198.51.100.9')).toMatchObject({ action: 'ban' })
  })

  it('falls to the policy while the engine is away', async () => {
    const other = await CrowdsecEngine.start()
    const bouncer = await start({ ...options(), apiUrl: other.url, lapiFailureAction: 'captcha' })
    expect((await bouncer.ask('198.51.100.1')).action).toBe('allow')
    await other.stop()
    expect((await bouncer.ask('198.51.100.2')).action).toBe('captcha')
  })
})
