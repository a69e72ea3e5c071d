/**
 * The same steps against a real CrowdSec 1.4.6 and against FakeLapi in the shape of 1.4.6: every answer must be the same, to the
 * header and to the order of decisions and their ids. Each scene starts on empty databases.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FakeLapi, type NewDecision } from '../../src/testing/index.js'
import { CrowdsecEngine } from './crowdsec-engine.js'
import { alignDurations, ask, type Deletion, enginePeer, fakePeer, type LapiPeer } from './lapi-peer.js'

/** Two peers are asked one after the other; loaded machines are slow. */
const toleranceMs = 1500
const stream = '/v1/decisions/stream'
const everything = `${stream}?startup=true`

type Step =
  | {
      readonly do: 'get' | 'head' | 'post' | 'put' | 'delete' | 'options'
      readonly path: string
      readonly key?: string
      readonly headers?: Readonly<Record<string, string>>
    }
  | { readonly do: 'prepare'; readonly what: string; readonly act: (peer: LapiPeer) => Promise<void> }

const get = (path: string, key?: string): Step => (key === undefined ? { do: 'get', path } : { do: 'get', path, key })
const prepare = (what: string, act: (peer: LapiPeer) => Promise<void>): Step => ({ do: 'prepare', what, act })
const add = (value: string, duration: string, more: Partial<NewDecision> = {}): Step =>
  prepare(`add ${more.type ?? 'ban'} ${value} ${duration}`, (peer) => peer.add([{ value, duration, ...more }]))
const addTogether = (...decisions: readonly NewDecision[]): Step =>
  prepare(`add ${decisions.length} in one alert`, (peer) => peer.add(decisions))
const remove = (value: string, more: Omit<Deletion, 'value'> = {}): Step =>
  prepare(`delete ${value}`, (peer) => peer.delete({ value, ...more }))
const later = (ms: number): Step => prepare(`${ms} ms later`, (peer) => peer.later(ms))
const restart: Step = prepare('restart', (peer) => peer.restart())
const bouncer = (name: string): Step => prepare(`bouncer ${name}`, (peer) => peer.addBouncer(name, `key-${name}`))

const mixed: readonly Step[] = [
  add('1.2.3.4', '4h', { scenario: 'manual test' }),
  add('192.0.2.10', '10m', { type: 'captcha' }),
  add('198.51.100.0/24', '61m', { scope: 'Range' }),
  add('FR', '62m', { scope: 'Country' }),
  add('12345', '63m', { scope: 'AS' }),
  add('bob', '64m', { scope: 'username' }),
  add('2001:db8::1', '65m'),
  add('2001:DB8:0:0:0:0:0:2', '66m'),
  add('2001:db8:1::/48', '67m', { scope: 'Range' }),
  add('203.0.113.77/28', '68m', { scope: 'Range' }),
  add('10.0.0.1', '30s', { type: 'throttle', origin: 'crowdsec', scenario: 'crowdsecurity/http-Probing' }),
  add('::ffff:5.6.7.8', '69m', { origin: 'lists', scenario: 'tor-exit' }),
  add('::ffff:6.6.7.0/120', '70m', { scope: 'Range' }),
  add('102.4.0.0/16', '71m', { origin: 'CAPI' }),
  add('102.5.0.1/32', '72m', { scope: 'Range' }),
  add('::/0', '73m', { scope: 'Range' }),
  add('9.9.9.7', '-5m'),
  add('9.9.9.6', '0s'),
  add('102.0.0.3', '74m', { scope: 'ip' }),
  add('bob@ex.com', '75m', { scope: 'user-Ü', type: 'MyType ✓', scenario: 'a "quoted" <b>&\u2028' }),
  add('9.9.9.9', '76m', { simulated: true }),
  add('100.0.0.9', '87600h'),
  add('100.0.0.8', '1h30m15.25s'),
]

const queries = [
  '',
  'foo=bar',
  'type=captcha',
  'scopes=Ip',
  'scopes=ip',
  'scopes=ip,range',
  'scopes=Ip,country,AS',
  'scopes=COUNTRY',
  'scopes=username',
  'scopes=Username',
  'scopes=',
  'scopes=session',
  'scopes=Ip, Range',
  'scope=Country',
  'origins=cscli',
  'origins=CSCLI',
  'origins=CAPI,lists',
  'origins=',
  'scenarios_containing=MANUAL',
  'scenarios_containing=http,tor',
  'scenarios_containing=',
  'scenarios_not_containing=manual',
  'scenarios_not_containing=TOR,probing',
  'simulated=true',
  'simulated=false',
  'simulated=banana',
  'ip=1.2.3.4',
  'ip=198.51.100.5',
  'range=198.51.100.0/25',
  'range=198.51.0.0/16',
  'range=198.51.0.0/16&contains=false',
  'ip=198.51.100.5&contains=false',
  'ip=::ffff:1.2.3.4',
  'ip=5.6.7.8',
  'ip=6.6.7.0',
  'ip=6.6.7.9',
  'ip=2001:db8::2',
  'ip=2001:0db8:0000:0000:0000:0000:0000:0001',
  'ip=2001:db8:1:2::5',
  'ip=203.0.113.70',
  'ip=102.4.9.9',
  'ip=1.2.3.4&type=captcha',
  'ip=1.2.3.4&ip=192.0.2.10',
  'ip=1.2.3.4/32',
  'ip=102.0.0.3',
  'value=DE',
  'value=FR',
  'value=fr',
  'ip=1.2.3.4&contains=t',
  'type=captcha&type=ban',
  'dedup=false',
]

const badQueries = [
  'ip=notanip',
  'ip=',
  'ip=1.2.3.4.5',
  'ip=1.2.3.004',
  'ip=%201.2.3.4',
  'ip=fe80::1%25eth0',
  'ip=%5B::1%5D',
  'ip=0x01020304',
  'ip=1.2.3.4:80',
  'range=1.2.3.4%2F99',
  'range=1.2.3.4%2F',
  'range=%2F8',
  'ip=1.2.3.4&contains=banana',
  'contains=yes',
]

const scenes: Readonly<Record<string, readonly Step[]>> = {
  'live queries, one by one': [...mixed, ...queries.map((query) => get(`/v1/decisions?${query}`))],
  'stream filters, at startup': [...mixed, ...queries.map((query) => get(`${everything}&${query}`))],
  'bad filter values': badQueries.flatMap((query) => [
    get(`/v1/decisions?${query}`),
    get(`${everything}&${query}`),
    get(`${stream}?${query}`),
  ]),
  'what startup means': [
    add('1.1.1.1', '1h'),
    get(stream),
    get(`${stream}?startup=1`),
    get(`${stream}?startup=TRUE`),
    get(`${stream}?startup=banana`),
    get(`${stream}?startup=false`),
    get(`${stream}?startup=`),
    get(everything),
    get(`${stream}?startup=false&startup=true`),
    get(`${everything}&startup=false`),
    get(stream),
  ],
  'a first delta brings only what came after the registration': [
    add('1.1.1.1', '1h'),
    bouncer('late'),
    add('1.1.1.2', '1h'),
    get(stream, 'key-late'),
    get(stream, 'key-late'),
  ],
  'deltas: added, renewed, shortened': [
    add('100.0.0.1', '1h'),
    get(stream),
    get(stream),
    add('100.0.0.1', '4h'),
    get(stream),
    add('100.0.0.1', '30m'),
    get(stream),
    get(everything),
    get(`${everything}&dedup=false`),
    get('/v1/decisions?ip=100.0.0.1'),
    get('/v1/decisions?value=100.0.0.1'),
    get(`${everything}&dedup=false&value=100.0.0.1`),
    get(`${everything}&value=100.0.0.1`),
  ],
  'deltas: the longest of two goes, then the other': [
    add('100.0.0.1', '4h', { origin: 'lists' }),
    add('100.0.0.1', '30m'),
    add('100.0.0.1', '10m', { type: 'captcha' }),
    bouncer('all'),
    get(everything),
    get(everything, 'key-all'),
    remove('100.0.0.1', { origin: 'lists' }),
    get(stream),
    get(`${stream}?dedup=false`, 'key-all'),
    later(2500),
    get(stream),
    remove('100.0.0.1'),
    get(stream),
    get(stream),
    later(2500),
    get(stream),
    get(stream),
    get(`${stream}?dedup=false`, 'key-all'),
  ],
  'deltas: expiry is told for two seconds': [
    add('100.0.0.2', '3s'),
    get(stream),
    later(1200),
    get(stream),
    later(2000),
    get(stream),
    later(800),
    get(stream),
    later(1000),
    get(stream),
    later(1000),
    get(stream),
    later(1000),
    get(stream),
  ],
  'deltas: a decision shorter than the pull interval': [
    add('100.0.0.3', '1s'),
    later(1500),
    get(stream),
    get(everything),
  ],
  'deltas: deleted and added again between two pulls': [
    add('100.0.0.4', '1h'),
    get(stream),
    remove('100.0.0.4'),
    add('100.0.0.4', '1h'),
    get(stream),
    get(`${stream}?dedup=false`),
  ],
  'deltas: ban to captcha between two pulls': [
    add('100.0.0.4', '1h'),
    get(stream),
    remove('100.0.0.4'),
    add('100.0.0.4', '30m', { type: 'captcha' }),
    get(stream),
    get(stream),
  ],
  'deltas: the deletion of the survivor carries an id that was never sent': [
    add('100.0.0.5', '1h', { scenario: 'long' }),
    add('100.0.0.5', '5s', { scenario: 'short', origin: 'crowdsec' }),
    get(everything),
    remove('100.0.0.5', { origin: 'cscli' }),
    get(stream),
    later(5500),
    get(stream),
    add('100.0.0.5', '20m'),
    get(stream),
  ],
  'deltas: hard deletion is never told': [
    add('100.0.0.6', '1h'),
    add('100.0.0.7', '1h'),
    get(everything),
    prepare('purge 100.0.0.6', (peer) => peer.purge('100.0.0.6')),
    get(stream),
    get(everything),
  ],
  'deduplication comes before the filters': [
    add('102.0.0.1', '4h', { origin: 'lists' }),
    add('102.0.0.1', '1h', { origin: 'cscli' }),
    get(everything),
    get(`${everything}&origins=cscli`),
    get(`${everything}&origins=cscli&dedup=false`),
    get(`${everything}&origins=cscli&dedup=no`),
    add('102.0.0.2', '4h', { simulated: true }),
    add('102.0.0.2', '1h'),
    get(everything),
  ],
  'ties: the first of equals': [
    addTogether(
      { value: '102.0.0.2', duration: '1h', origin: 'a' },
      { value: '102.0.0.2', duration: '1h', origin: 'b' },
    ),
    get(stream),
    get(`${everything}&dedup=false`),
    get(everything),
  ],
  'order is by expiry': [
    add('5.0.0.1', '3h'),
    add('5.0.0.2', '1h'),
    add('5.0.0.3', '2h'),
    addTogether({ value: '5.0.0.9', duration: '90m' }, { value: '5.0.0.8', duration: '90m' }),
    get(stream),
    get('/v1/decisions'),
    get('/v1/decisions?range=5.0.0.0/24&contains=false'),
    remove('5.0.0.1'),
    remove('5.0.0.3'),
    get(stream),
  ],
  'one last_pull per key, whoever pulls': [
    bouncer('one'),
    bouncer('two'),
    add('103.0.0.1', '1h'),
    get(stream, 'key-one'),
    get(stream, 'key-one'),
    get(stream, 'key-two'),
  ],
  'HEAD consumes a delta': [
    { do: 'head', path: stream },
    add('103.0.0.2', '1h'),
    { do: 'head', path: stream },
    get(stream),
    add('103.0.0.3', '1h'),
    { do: 'head', path: everything },
    get(stream),
    { do: 'head', path: '/v1/decisions' },
    { do: 'head', path: '/v1/decisions?ip=1.2.3.4' },
    { do: 'head', path: '/v1/decisions?ip=banana' },
  ],
  'a live query moves last_pull once it is a minute old': [
    get(stream),
    add('101.0.0.1', '1h'),
    later(50_000),
    get('/v1/decisions?ip=9.9.9.9'),
    get(stream),
    later(61_000),
    add('101.0.0.2', '1h'),
    { do: 'head', path: '/v1/decisions?ip=9.9.9.9' },
    get('/v1/decisions?ip=9.9.9.9'),
    get(stream),
  ],
  'a restart keeps ids, decisions and last_pull': [
    add('104.0.0.1', '1h'),
    get(stream),
    add('104.0.0.2', '1h'),
    remove('104.0.0.1'),
    restart,
    get(stream),
    add('104.0.0.3', '1h'),
    get(stream),
    get(everything),
  ],
  'long bodies are chunked': [
    addTogether(...Array.from({ length: 40 }, (_, index) => ({ value: `105.0.0.${index}`, duration: '1h' }))),
    { do: 'head', path: stream },
    get(everything),
    get('/v1/decisions'),
    { do: 'get', path: everything, headers: { 'Accept-Encoding': 'gzip, br' } },
  ],
  authentication: [
    get('/v1/decisions', 'wrong'),
    get(everything, 'wrong'),
    get('/v1/decisions', ''),
    { do: 'head', path: '/v1/decisions', key: 'wrong' },
    { do: 'head', path: stream, key: 'wrong' },
    get('/v1/decisions?api_key=key-gone', 'wrong'),
    bouncer('gone'),
    get(everything, 'key-gone'),
    get(everything, '  key-gone  '),
    prepare('remove the bouncer', (peer) => peer.removeBouncer('gone')),
    get(everything, 'key-gone'),
    bouncer('gone'),
    get(stream, 'key-gone'),
  ],
  routes: [
    get('/health'),
    get('/health/'),
    { do: 'head', path: '/health' },
    { do: 'post', path: '/health' },
    get('/'),
    get('/v1'),
    get('/v2/decisions'),
    get('//v1/decisions'),
    get('/v1/decisions/'),
    get('/v1/decisions/stream/?startup=true&scopes=ip'),
    { do: 'head', path: '/v1/decisions/' },
    { do: 'post', path: '/v1/decisions/' },
    { do: 'post', path: '/v1/decisions' },
    { do: 'put', path: stream },
    { do: 'options', path: '/v1/decisions' },
    { do: 'delete', path: '/v1/decisions' },
    { do: 'delete', path: stream },
    { do: 'delete', path: '/v1/decisions/5' },
    get('/v1/decisions/5'),
    get('/v1/decisions/5/6'),
    { do: 'post', path: '/v1/usage-metrics' },
    get('/v1/decisions', 'wrong'),
    { do: 'get', path: '/v1/decisions', headers: { Connection: 'close' } },
  ],
}

let engine: CrowdsecEngine
beforeAll(async () => {
  engine = await CrowdsecEngine.start()
})
afterAll(() => engine?.stop())

describe.each(Object.entries(scenes))('%s', (_scene, steps) => {
  let peers: readonly [real: LapiPeer, fake: LapiPeer]
  let lapi: FakeLapi
  beforeAll(async () => {
    await engine.database.sql(
      'DELETE FROM decisions; DELETE FROM alerts; DELETE FROM bouncers; DELETE FROM sqlite_sequence;',
    )
    await engine.cscli('bouncers', 'add', 'harness', '-k', engine.apiKey)
    lapi = await FakeLapi.start({ bodyShape: '1.4.6', apiKeys: { harness: engine.apiKey } })
    peers = [enginePeer(engine), fakePeer(lapi)]
  })
  afterAll(() => lapi.stop())

  // Steps build on each other, so a scene is one test; a difference names its step.
  it('gets the same answers', async () => {
    const [real, fake] = peers
    for (const [number, step] of steps.entries()) {
      if (step.do === 'prepare') {
        await step.act(real)
        await step.act(fake)
        continue
      }
      const headers = { 'X-Api-Key': step.key ?? real.apiKey, ...step.headers }
      const method = step.do.toUpperCase()
      const expected = await ask(real.url + step.path, method, headers)
      const got = await ask(fake.url + step.path, method, headers)
      const label = `step ${number + 1}: ${method} ${step.path}`
      expect.soft({ ...got, body: alignDurations(got.body, expected.body, toleranceMs) }, label).toEqual(expected)
    }
  })
})
