/** CAPI as a source of decisions, against a FakeCapi on loopback. */

import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { CapiError } from '../../src/capi/capi-error.js'
import type { FakeCapi } from '../../src/testing/index.js'
import { cutInHalf, ListServer, SIGNATURE } from '../capi/list-server.js'
import { temporaryDirectory } from '../temporary-directory.js'
import { SteppedCapi, type SteppedCapiOptions, steppedCapi } from './stepped-capi.js'

const HOUR = 3_600_000
const MINUTE = 60_000

let capi: FakeCapi
let stepped: SteppedCapi

beforeEach(async () => {
  ;({ capi, stepped } = await steppedCapi())
})

/** From here on, what changes at CAPI is newer than what was downloaded. */
function later(): void {
  capi.advance(2 * MINUTE)
}

describe('the community list', () => {
  it('blocks, with origin and scenario, in whatever case its scopes are', async () => {
    capi.setCommunity([
      { value: '192.0.2.1', duration: '24h' },
      { value: '198.51.100.0/24', scope: 'range', scenario: 'crowdsecurity/http-probing' },
      { value: '2001:db8::1', scope: 'Ip' },
    ])
    expect(await stepped.pull()).toBe('synced')
    expect(stepped.actions('192.0.2.1', '198.51.100.7', '2001:db8::1', '192.0.2.2')).toBe('ban ban ban allow')
    expect(stepped.decisions('198.51.100.7')).toEqual(['CAPI crowdsecurity/http-probing ban'])
    expect(stepped.connected.account.isReady).toBe(true)
  })

  it('keeps what fell off it until it expires, and drops what is deleted', async () => {
    const ranges = ['192.0.2.0/28', '198.51.100.0/24'].map((value) => ({ value, scope: 'range' }))
    capi.setCommunity([{ value: '192.0.2.1' }, { value: '192.0.2.2' }, ...ranges])
    await stepped.pull()
    capi.setCommunity([{ value: '192.0.2.3' }])
    capi.delete('192.0.2.2')
    capi.delete('192.0.2.0/28') // of the scope ip, as the engine takes it
    capi.delete('198.51.100.0/24', 'Ip')
    expect(await stepped.pull()).toBe('synced')
    expect(stepped.actions('192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4')).toBe('ban allow ban allow')
    expect(stepped.actions('198.51.100.1')).toBe('allow')
  })

  it('renews durations, up and down', async () => {
    capi.setCommunity([
      { value: '192.0.2.1', duration: '1h' },
      { value: '192.0.2.2', duration: '100h' },
    ])
    await stepped.pull()
    capi.setCommunity([
      { value: '192.0.2.1', duration: '50h' },
      { value: '192.0.2.2', duration: '50h' },
    ])
    await stepped.pull()
    for (const address of ['192.0.2.1', '192.0.2.2']) {
      expect(stepped.left(address)).toBeGreaterThan(50 * HOUR - MINUTE)
      expect(stepped.left(address)).toBeLessThan(50 * HOUR + MINUTE)
    }
  })

  it('deletes its own decision and not the one of a blocklist on the same value', async () => {
    capi.setCommunity([{ value: '192.0.2.1' }])
    capi.addBlocklist({ name: 'one', values: ['192.0.2.1'], remediation: 'captcha' })
    await stepped.pull()
    expect(stepped.decisions('192.0.2.1')).toEqual(['CAPI crowdsecurity/ssh-bf ban', 'lists one captcha'])
    capi.delete('192.0.2.1')
    await stepped.pull()
    expect(stepped.decisions('192.0.2.1')).toEqual(['lists one captcha'])
  })
})

describe('what is pulled', () => {
  it.each([
    [{}, { startup: 'true' }],
    [{ communityPull: false }, { startup: 'true', community_pull: 'false' }],
    [{ additionalPull: false }, { startup: 'true', additional_pull: 'false' }],
  ])('%o asks for %o', async (options, query) => {
    const { capi, stepped } = await steppedCapi(options)
    await stepped.pull()
    expect(Object.fromEntries(capi.requests.at(-1)?.query ?? [])).toEqual(query)
  })

  it('is a start until CAPI has answered once', async () => {
    capi.fault({ kind: 'status', status: 500 }, { times: 1, match: ({ path }) => path.endsWith('/stream') })
    for (let pulls = 0; pulls < 3; pulls++) await stepped.pull()
    const asked = capi.requests.filter(({ path }) => path.endsWith('/stream')).map(({ query }) => query.get('startup'))
    expect(asked).toEqual(['true', 'true', null])
  })

  it('holds no list of the console where it is not asked for, whatever the answer says', async () => {
    const { capi, stepped } = await steppedCapi({ additionalPull: false })
    const [one, ours] = ['one', 'ours'].map((name) => ({ name, url: `${capi.url}/lists/${name}` }))
    const terms = { scope: 'ip', remediation: 'ban', duration: '4h' }
    const links = { blocklists: [{ ...one, ...terms }], allowlists: [ours] }
    capi.fault(
      { kind: 'garbage', body: JSON.stringify({ new: [], links }) },
      { match: ({ path }) => path.endsWith('/stream') },
    )
    expect(await stepped.pull()).toBe('synced')
    expect(stepped.downloads()).toEqual([])
  })

  it('comes with a jitter of a tenth where the interval is short', async () => {
    const { stepped } = await steppedCapi({ pullInterval: 10 * MINUTE })
    for (let pulls = 0; pulls < 20; pulls++) await stepped.pull()
    expect(Math.min(...stepped.waits)).toBeGreaterThanOrEqual(9 * MINUTE)
    expect(Math.max(...stepped.waits)).toBeLessThanOrEqual(11 * MINUTE)
  })

  it('comes at once and then every two hours, five minutes more or less', async () => {
    for (let pulls = 0; pulls < 20; pulls++) await stepped.pull()
    expect(Math.min(...stepped.waits)).toBeGreaterThanOrEqual(2 * HOUR - 5 * MINUTE)
    expect(Math.max(...stepped.waits)).toBeLessThanOrEqual(2 * HOUR + 5 * MINUTE)
    expect(new Set(stepped.waits).size).toBeGreaterThan(1)
  })
})

describe('a linked blocklist', () => {
  it('blocks with the terms of its link, and its link gets no Authorization', async () => {
    capi.addBlocklist({
      name: 'botnets',
      values: ['192.0.2.1', '198.51.100.0/24'],
      remediation: 'captcha',
      duration: '12h',
    })
    expect(await stepped.pull()).toBe('synced')
    expect(stepped.actions('192.0.2.1', '198.51.100.9', '192.0.2.2')).toBe('captcha captcha allow')
    expect(stepped.decisions('192.0.2.1')).toEqual(['lists botnets captcha'])
    expect(stepped.left('192.0.2.1')).toBeGreaterThan(11 * HOUR)
    expect(stepped.left('192.0.2.1')).toBeLessThan(12 * HOUR + MINUTE)
    const [download] = capi.requests.filter(({ path }) => path === '/blocklists/botnets')
    expect(download.headers).not.toHaveProperty('authorization')
  })

  it('is not sent again while it is unchanged, and replaced as a whole when it is not', async () => {
    capi.addBlocklist({ name: 'one', values: ['192.0.2.1', '192.0.2.2'] })
    await stepped.pull()
    await stepped.pull()
    expect(stepped.downloads()).toEqual(['one 200', 'if one 304'])
    expect(stepped.actions('192.0.2.1', '192.0.2.2')).toBe('ban ban')
    later()
    capi.addBlocklist({ name: 'one', values: ['192.0.2.2', '192.0.2.3'] })
    await stepped.pull()
    expect(stepped.downloads()).toEqual(['if one 200'])
    expect(stepped.actions('192.0.2.1', '192.0.2.2', '192.0.2.3')).toBe('allow ban ban')
  })

  it.each([
    ['would be over before the pull after the next', '2h', 0, {}, 'one 200'],
    ['would be over a little after the next pull', '24h', 21.7 * HOUR, {}, 'one 200'],
    ['lasts long enough', '24h', 21.5 * HOUR, {}, 'if one 304'],
    ['has another remediation now', '24h', 0, { remediation: 'captcha' }, 'one 200'],
    ['has another duration now', '24h', 0, { duration: '25h' }, 'one 200'],
    ['has another scope now', '24h', 0, { scope: 'range' }, 'one 200'],
  ])('is asked for without a condition where what is held %s', async (_why, duration, ahead, change, expected) => {
    stepped.ahead = 1000 * HOUR // a process that has run for long
    capi.addBlocklist({ name: 'one', values: ['192.0.2.1'], duration })
    await stepped.pull()
    stepped.downloads()
    stepped.ahead += ahead
    capi.addBlocklist({ name: 'one', values: ['192.0.2.1'], duration, ...change })
    await stepped.pull()
    expect(stepped.downloads()).toEqual([expected])
  })

  it('is held as of the begin of its download, for it may change meanwhile; an allowlist too', async () => {
    const now = Math.floor(Date.now() / 1000) * 1000
    vi.useFakeTimers({ toFake: ['Date'], now })
    onTestFinished(() => void vi.useRealTimers())
    const server = await ListServer.start()
    const conditions: (string | undefined)[] = []
    const slowly = (text: string): RequestListener => {
      return ({ headers }, response) => {
        conditions.push(headers['if-modified-since'])
        vi.setSystemTime(Date.now() + MINUTE)
        response.end(text)
      }
    }
    server.on('/block', slowly('192.0.2.1\n'))
    server.on('/allow', slowly('{"value":"192.0.2.1"}\n'))
    capi.addBlocklist({ name: 'one', values: [], url: server.url('/block') })
    capi.addAllowlist({ name: 'ours', entries: [], url: server.url('/allow') })
    await stepped.pull()
    await stepped.pull()
    const [allow, block] = conditions.slice(2).map((date) => Date.parse(String(date)) - now)
    expect([allow, block]).toEqual([-1000, MINUTE - 1000])
  })

  it('with another remediation leaves nothing of the old one', async () => {
    capi.addBlocklist({ name: 'one', values: ['192.0.2.1'] })
    await stepped.pull()
    capi.addBlocklist({ name: 'one', values: ['192.0.2.1'], remediation: 'captcha' })
    await stepped.pull()
    expect(stepped.decisions('192.0.2.1')).toEqual(['lists one captcha'])
  })

  it("shares values with another list, and neither takes away what is the other one's", async () => {
    capi.addBlocklist({ name: 'one', values: ['192.0.2.1', '192.0.2.9'] })
    capi.addBlocklist({ name: 'two', values: ['192.0.2.1', '192.0.2.8'] })
    await stepped.pull()
    expect(stepped.decisions('192.0.2.1')).toEqual(['lists one ban', 'lists two ban'])
    later()
    capi.addBlocklist({ name: 'one', values: ['192.0.2.9'] })
    await stepped.pull()
    expect(stepped.decisions('192.0.2.1')).toEqual(['lists two ban'])
    expect(stepped.actions('192.0.2.8', '192.0.2.9')).toBe('ban ban')
  })

  it('goes at once when it is no longer linked, and the others stay', async () => {
    capi.setCommunity([{ value: '192.0.2.5' }])
    capi.addBlocklist({ name: 'one', values: ['192.0.2.1'] })
    capi.addBlocklist({ name: 'two', values: ['192.0.2.1', '192.0.2.2'] })
    await stepped.pull()
    capi.removeBlocklist('two')
    expect(await stepped.pull()).toBe('synced')
    expect(stepped.decisions('192.0.2.1')).toEqual(['lists one ban'])
    expect(stepped.actions('192.0.2.2', '192.0.2.5')).toBe('allow ban')
  })

  it('comes back when it is linked again, though it is unchanged; an allowlist too', async () => {
    const server = await ListServer.start()
    const unchanged = (text: string): RequestListener => {
      return ({ headers }, response) => {
        if (headers['if-modified-since'] !== undefined) response.statusCode = 304
        response.end(text)
      }
    }
    server.on('/block', unchanged('192.0.2.1\n192.0.2.2\n'))
    server.on('/allow', unchanged('{"value":"192.0.2.2"}\n'))
    const link = () => {
      capi.addBlocklist({ name: 'one', values: [], url: server.url('/block') })
      capi.addAllowlist({ name: 'ours', entries: [], url: server.url('/allow') })
    }
    link()
    await stepped.pull()
    capi.removeBlocklist('one')
    capi.removeAllowlist('ours')
    for (let pulls = 0; pulls < 2; pulls++) await stepped.pull()
    expect(stepped.actions('192.0.2.1')).toBe('allow')
    expect(stepped.allowlists.has('192.0.2.2')).toBe(false)
    link()
    await stepped.pull()
    expect(stepped.actions('192.0.2.1', '192.0.2.2')).toBe('ban allow')
  })

  it('stays where the links cannot all be read, for its own may be the one', async () => {
    capi.addBlocklist({ name: 'one', values: ['192.0.2.1', '192.0.2.2'] })
    capi.addAllowlist({ name: 'ours', entries: ['192.0.2.2'] })
    await stepped.pull()
    const body = {
      new: [],
      links: {
        blocklists: [
          { name: 'one', url: 7 },
          { name: 'two', url: 'x' },
        ],
      },
    }
    capi.fault({
      kind: 'garbage',
      body: JSON.stringify({ ...body, deleted: [{ scope: 'ip', decisions: ['1.1.1.1'] }] }),
    })
    expect(await stepped.pull()).toBe('synced')
    expect(stepped.actions('192.0.2.1', '192.0.2.2')).toBe('ban allow')
    capi.heal()
    stepped.downloads()
    await stepped.pull()
    expect(stepped.downloads()).toEqual(['if ours 304', 'if one 304'])
  })
})

describe('an answer without lists', () => {
  const stream = ({ path }: { readonly path: string }) => path.endsWith('/stream')
  const answering = (body: unknown) => {
    capi.heal()
    capi.fault({ kind: 'garbage', body: JSON.stringify(body) }, { match: stream })
  }
  const link = (...names: readonly string[]) => {
    for (const name of names) {
      capi.addBlocklist({ name: `block ${name}`, values: ['192.0.2.1'] })
      capi.addAllowlist({ name: `allow ${name}`, entries: ['192.0.2.2'] })
    }
  }
  const unlink = (...names: readonly string[]) => {
    for (const name of names) {
      capi.removeBlocklist(`block ${name}`)
      capi.removeAllowlist(`allow ${name}`)
    }
  }
  /** What is blocked by a list, and whether an allowlist is in force. */
  const held = (run = stepped) => `${run.actions('192.0.2.1')} ${run.allowlists.has('192.0.2.2')}`

  it.each([[{ message: 'Internal error' }], [{}], [null], [[]]])(
    'that is no answer (%j) takes nothing away',
    async (body) => {
      link('one')
      await stepped.pull()
      answering(body)
      for (let pulls = 0; pulls < 3; pulls++) expect(await stepped.pull()).toBe('no sync ERR_CSB_CAPI_BODY')
      expect(held()).toBe('ban true')
    },
  )

  it.each([[{ new: null, deleted: null }], [{ new: [] }], [{ new: [], links: null }]])(
    'that does not speak of them (%j) leaves them, as often as it comes',
    async (body) => {
      link('one')
      await stepped.pull()
      answering(body)
      for (let pulls = 0; pulls < 3; pulls++) expect(await stepped.pull()).toBe('synced')
      expect(held()).toBe('ban true')
      capi.heal()
      stepped.downloads()
      await stepped.pull()
      expect(stepped.downloads()).toEqual(['if allow%20one 304', 'if block%20one 304'])
    },
  )

  it.each([
    [{ new: [], links: {} }],
    [{ links: { blocklists: null, allowlists: [] } }],
    [{ new: [], links: { blocklists: [], allowlists: [] } }],
  ])('that has none any more (%j) takes them away when the next pull says so, too', async (body) => {
    link('one', 'two')
    await stepped.pull()
    answering(body)
    expect(await stepped.pull()).toBe('synced ERR_CSB_CAPI_LINK ERR_CSB_CAPI_LINK')
    expect(stepped.errors.map(({ message }) => message)).toEqual([
      'CAPI links to no allowlist any more, which the next pull must confirm',
      'CAPI links to no blocklist any more, which the next pull must confirm',
    ])
    expect(stepped.waits.at(-1)).toBeLessThanOrEqual(2 * MINUTE)
    expect(held()).toBe('ban true')
    expect(await stepped.pull()).toBe('synced')
    expect(held()).toBe('allow false')
    expect(await stepped.pull()).toBe('synced')
  })

  it('is believed of each kind by itself', async () => {
    link('one')
    await stepped.pull()
    capi.removeAllowlist('allow one')
    expect(await stepped.pull()).toBe('synced ERR_CSB_CAPI_LINK')
    expect(held()).toBe('ban true')
    expect(await stepped.pull()).toBe('synced')
    expect(held()).toBe('ban false')
    capi.removeBlocklist('block one')
    expect(await stepped.pull()).toBe('synced ERR_CSB_CAPI_LINK')
    expect(held()).toBe('ban false')
    expect(await stepped.pull()).toBe('synced')
    expect(held()).toBe('allow false')
  })

  it('is confirmed by no answer but one that has none', async () => {
    link('one')
    await stepped.pull()
    const links = (rest: object) => answering({ new: [], links: rest })
    const outcomes: string[] = []
    const bodies = [{}, { blocklists: [5], allowlists: [5], more: 1 }]
    for (const body of bodies) {
      links(body)
      outcomes.push(await stepped.pull())
    }
    answering({ new: [] })
    outcomes.push(await stepped.pull())
    capi.heal()
    outcomes.push(await stepped.pull())
    links({})
    outcomes.push(await stepped.pull())
    expect(held()).toBe('ban true')
    expect(outcomes).toEqual([
      'synced ERR_CSB_CAPI_LINK ERR_CSB_CAPI_LINK',
      'no sync ERR_CSB_CAPI_BODY',
      'synced',
      'synced',
      'synced ERR_CSB_CAPI_LINK ERR_CSB_CAPI_LINK',
    ])
    expect(await stepped.pull()).toBe('synced')
    expect(held()).toBe('allow false')
  })

  it('is nothing to tell of where no list is held', async () => {
    capi.setCommunity([{ value: '192.0.2.5' }])
    for (let pulls = 0; pulls < 3; pulls++) expect(await stepped.pull()).toBe('synced')
    expect(stepped.actions('192.0.2.5')).toBe('ban')
  })

  it('is believed late after a restart, too', async () => {
    const snapshot = join(temporaryDirectory(), 'snapshot')
    link('one')
    const first = new SteppedCapi(capi, { snapshot })
    await first.pull()
    await first.stop()
    unlink('one')
    const again = new SteppedCapi(capi, { snapshot })
    expect(await again.pull()).toBe('synced ERR_CSB_CAPI_LINK ERR_CSB_CAPI_LINK')
    expect(held(again)).toBe('ban true')
    expect(await again.pull()).toBe('synced')
    expect(held(again)).toBe('allow false')
  })
})

describe('in gzip', () => {
  it.each(['when asked', 'always'] as const)('(%s) everything is as it is without', async (gzip) => {
    const { capi, stepped } = await steppedCapi({}, { gzip })
    capi.setCommunity([{ value: '192.0.2.1' }, { value: '198.51.100.0/24', scope: 'range' }])
    capi.addBlocklist({ name: 'one', values: ['192.0.2.2'], remediation: 'captcha' })
    capi.addAllowlist({ name: 'ours', entries: ['198.51.100.7'] })
    expect(await stepped.pull()).toBe('synced')
    expect(await stepped.pull()).toBe('synced')
    expect(stepped.actions('192.0.2.1', '192.0.2.2', '198.51.100.6', '198.51.100.7')).toBe('ban captcha ban allow')
    expect(stepped.downloads()).toEqual(['ours 200', 'one 200', 'if ours 304', 'if one 304'])
  })

  it.each([
    [{ kind: 'cut', afterBytes: 40 }, 'ERR_CSB_CONNECTION_LOST'],
    [{ kind: 'status', status: 200, body: '{"new":[]}', headers: { 'content-encoding': 'br' } }, 'ERR_CSB_CAPI_BODY'],
    [{ kind: 'status', status: 200, body: '{"new":[]}', headers: { 'content-encoding': 'gzip' } }, 'ERR_CSB_CAPI_BODY'],
  ] as const)('and %j nothing is lost', async (fault, code) => {
    const { capi, stepped } = await steppedCapi({}, { gzip: 'when asked' })
    capi.setCommunity([{ value: '192.0.2.1' }])
    await stepped.pull()
    capi.fault(fault)
    expect(await stepped.pull()).toBe(`no sync ${code}`)
    expect(stepped.actions('192.0.2.1')).toBe('ban')
  })
})

describe('a blocklist with odd lines', () => {
  it('gives what can be used, and tells of the rest once', async () => {
    const body = '# who\r\n192.0.2.1\r\n\r\nnot an address\r\n192.0.2.2 # why\r\n1.2.3\r\n  192.0.2.3'
    capi.addBlocklist({ name: 'odd', body })
    await stepped.pull()
    expect(stepped.actions('192.0.2.1', '192.0.2.2', '192.0.2.3')).toBe('ban ban ban')
    const told = () => stepped.lines.filter((line) => line.includes('skipped, the first'))
    expect(told()).toEqual(['The list "odd": 2 of 5 lines are skipped, the first is line 4: "not an address"'])
    const other = `${body}\n1.2.3.4.5`
    const bodies = [body, other, '192.0.2.1', other]
    const counts: number[] = []
    for (const now of bodies) {
      later()
      capi.addBlocklist({ name: 'odd', body: now })
      await stepped.pull()
      counts.push(told().length)
    }
    expect(counts).toEqual([1, 2, 2, 3])
  })

  it('is told once, too, where a good allowlist has its name', async () => {
    for (let pulls = 0; pulls < 3; pulls++) {
      later()
      capi.addBlocklist({ name: 'both', body: `192.0.2.${pulls}\nnot an address` })
      capi.addAllowlist({ name: 'both', entries: [`198.51.100.${pulls}`] })
      expect(await stepped.pull()).toBe('synced')
    }
    expect(stepped.lines.filter((line) => line.includes('skipped, the first'))).toHaveLength(1)
  })

  it.each([
    [
      'an HTML page',
      '<!DOCTYPE html>\n<html><body>sign in</body></html>\n',
      /not one of its 2 lines is an entry; line 1: "<!DOCTYPE html>"$/,
    ],
    ['nothing', '', /it is empty, which the next pull must confirm$/],
    ['comments only', '# none\n', /it is empty, which the next pull must confirm$/],
  ])('that is %s takes nothing away', async (_name, body, message) => {
    capi.addBlocklist({ name: 'one', values: ['192.0.2.1'] })
    await stepped.pull()
    later()
    capi.addBlocklist({ name: 'one', body })
    expect(await stepped.pull()).toBe('synced ERR_CSB_CAPI_LINK')
    expect(stepped.errors.at(-1)?.message).toMatch(message)
    expect(stepped.actions('192.0.2.1')).toBe('ban')
  })

  it('is believed to be empty when it says so twice, or when there is nothing to lose', async () => {
    capi.addBlocklist({ name: 'one', values: [] })
    expect(await stepped.pull()).toBe('synced')
    later()
    capi.addBlocklist({ name: 'one', values: ['192.0.2.1'] })
    await stepped.pull()
    capi.addBlocklist({ name: 'one', values: [] })
    expect(await stepped.pull()).toBe('synced ERR_CSB_CAPI_LINK')
    expect(await stepped.pull()).toBe('synced')
    expect(stepped.actions('192.0.2.1')).toBe('allow')
  })

  it('that is of no use is asked for anew, without a condition; an allowlist too', async () => {
    capi.addBlocklist({ name: 'one', body: '<html>\n' })
    capi.addAllowlist({ name: 'ours', body: '<html>\n' })
    for (let pulls = 0; pulls < 2; pulls++) await stepped.pull()
    expect(stepped.downloads()).toEqual(['ours 200', 'one 200', 'ours 200', 'one 200'])
  })

  it.each(['', '0s', '-1h', 'soon'])('and a duration of "%s" is not used', async (duration) => {
    capi.addBlocklist({ name: 'one', values: ['192.0.2.1'], duration })
    expect(await stepped.pull()).toBe('synced ERR_CSB_CAPI_LINK')
    expect(stepped.errors[0].message).toBe(`The list "one" is not used: its duration is ${JSON.stringify(duration)}`)
  })
})

describe('a blocklist that does not come', () => {
  it('is told, keeps what is held, and holds up neither the other lists nor the community list', async () => {
    const server = await ListServer.start()
    const lines = Array.from({ length: 5000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
    server.on('/half', `${lines.join('\n')}\n`)
    capi.setCommunity([{ value: '192.0.2.1' }])
    capi.addBlocklist({ name: 'half', values: [], url: server.url('/half') })
    capi.addBlocklist({ name: 'lost', values: [], url: server.url('/lost') })
    capi.addBlocklist({ name: 'private', values: [], url: 'ftp://192.0.2.1/x' })
    capi.addBlocklist({ name: 'zz', values: ['192.0.2.2'] })
    expect(await stepped.pull()).toBe('synced ERR_CSB_CAPI_LINK ERR_CSB_CAPI_LINK')
    expect(stepped.connected.store.size).toBe(5002)
    server.on('/half', cutInHalf(lines.map((line) => line.replace('10.0', '10.9')).join('\n')))
    later()
    capi.addBlocklist({ name: 'zz', values: ['192.0.2.3'] })
    expect(await stepped.pull()).toBe('synced ERR_CSB_CAPI_LINK ERR_CSB_CAPI_LINK ERR_CSB_CAPI_LINK')
    expect(stepped.actions('192.0.2.1', '192.0.2.2', '192.0.2.3')).toBe('ban allow ban')
    expect(stepped.actions('10.0.0.0', '10.0.19.135', '10.9.0.0')).toBe('ban ban allow')
    expect(stepped.connected.store.size).toBe(5002)
    expect(stepped.errors.map(({ message }) => message).join()).not.toContain(SIGNATURE)
    expect(stepped.lines.join()).not.toContain(SIGNATURE)
    expect(stepped.connected.stats().lastError).toMatch(/^The list "private" cannot be had/)
  })

  it('is tried again after a minute or two, then ever later, never later than the interval', async () => {
    capi.addBlocklist({ name: 'one', values: ['192.0.2.1'], url: `${capi.url}/blocklists/nowhere` })
    for (let pulls = 0; pulls < 10; pulls++) await stepped.pull()
    expect(stepped.waits[0]).toBeGreaterThanOrEqual(MINUTE)
    expect(stepped.waits[0]).toBeLessThanOrEqual(2 * MINUTE)
    expect(stepped.waits.slice(-2)).toEqual([2 * HOUR, 2 * HOUR])
    capi.removeBlocklist('one')
    await stepped.pull()
    capi.addBlocklist({ name: 'one', values: ['192.0.2.1'], url: `${capi.url}/blocklists/nowhere` })
    await stepped.pull()
    expect(stepped.waits.at(-1)).toBeLessThanOrEqual(2 * MINUTE)
  })

  it('is refused where it is in a private network, unless that is allowed', async () => {
    const { capi, stepped } = await steppedCapi({ allowPrivateLinks: false })
    capi.setCommunity([{ value: '192.0.2.1' }])
    capi.addBlocklist({ name: 'one', values: ['192.0.2.2'] })
    capi.addAllowlist({ name: 'ours', entries: ['192.0.2.1'] })
    expect(await stepped.pull()).toBe('synced ERR_CSB_CAPI_LINK ERR_CSB_CAPI_LINK')
    expect(stepped.actions('192.0.2.1', '192.0.2.2')).toBe('ban allow')
    expect(stepped.downloads()).toEqual([])
  })

  it('whose name stands there twice is used once', async () => {
    const links = ['/a', '/b'].map((path) => ({
      name: 'one',
      url: `${capi.url}${path}`,
      scope: 'ip',
      remediation: 'ban',
      duration: '4h',
    }))
    capi.fault(
      { kind: 'garbage', body: JSON.stringify({ new: [], links: { blocklists: links } }) },
      {
        match: ({ path }) => path.endsWith('/stream'),
      },
    )
    capi.fault({ kind: 'status', status: 200, body: '192.0.2.1\n' }, { match: ({ path }) => path === '/a' })
    expect(await stepped.pull()).toBe('synced ERR_CSB_CAPI_LINK')
    expect(stepped.errors[0].message).toContain('another list has the same name')
    expect(stepped.actions('192.0.2.1')).toBe('ban')
  })
})

describe('the name of a list', () => {
  it.each([
    ['none', ''],
    ['one that is too long', 'x'.repeat(1025)],
  ])('%s: the list is not used, and told in a message of bearable length', async (_name, name) => {
    capi.setCommunity([{ value: '192.0.2.2' }])
    capi.addBlocklist({ name, values: ['192.0.2.1'] })
    capi.addAllowlist({ name, entries: ['192.0.2.2'] })
    expect(await stepped.pull()).toBe('synced ERR_CSB_CAPI_LINK ERR_CSB_CAPI_LINK')
    expect(stepped.errors[0].message).toMatch(/^The list ".{0,110} is not used: a bad name$/)
    expect(stepped.actions('192.0.2.1', '192.0.2.2')).toBe('allow ban')
    expect(stepped.downloads()).toEqual([])
  })
})

describe('a linked allowlist', () => {
  it('lets an address pass that lies in a banned range, also one of the same answer', async () => {
    capi.setCommunity([{ value: '192.0.2.0/24', scope: 'range' }])
    capi.addBlocklist({ name: 'one', values: ['198.51.100.0/24', '2001:db8::/32'], scope: 'range' })
    capi.addAllowlist({ name: 'ours', entries: ['192.0.2.7', '198.51.100.64/26', '2001:db8:1::/48'] })
    expect(await stepped.pull()).toBe('synced')
    expect(stepped.actions('192.0.2.7', '192.0.2.8')).toBe('allow ban')
    expect(stepped.actions('198.51.100.64', '198.51.100.127', '198.51.100.128')).toBe('allow allow ban')
    expect(stepped.actions('::ffff:192.0.2.7', '2001:db8:1::9', '2001:db8:2::9')).toBe('allow allow ban')
    const order = capi.requests.map(({ path }) => path.replace(/.*\/v3\//, ''))
    expect(order.slice(-2)).toEqual(['/allowlists/ours', '/blocklists/one'])
  })

  it("stands beside the user's own", async () => {
    const { capi, stepped } = await steppedCapi({ own: ['192.0.2.1'] })
    capi.setCommunity([{ value: '192.0.2.0/24', scope: 'range' }])
    capi.addAllowlist({ name: 'ours', entries: ['192.0.2.2'] })
    await stepped.pull()
    expect(stepped.actions('192.0.2.1', '192.0.2.2', '192.0.2.3')).toBe('allow allow ban')
  })

  it('has entries that end, and that never do', async () => {
    const at = (milliseconds: number) => new Date(Date.now() + milliseconds).toISOString()
    capi.setCommunity([{ value: '192.0.2.0/24', scope: 'range' }])
    capi.addAllowlist({
      name: 'ours',
      entries: [
        { value: '192.0.2.1', expiration: at(-1000) },
        { value: '192.0.2.2', expiration: at(HOUR) },
        { value: '192.0.2.3', expiration: '0001-01-01T00:00:00Z' },
        { value: '192.0.2.4', description: 'no # comment', created_at: at(0) },
        { value: '192.0.2.5', expiration: '9999-12-31T00:00:00Z' },
      ],
    })
    expect(await stepped.pull()).toBe('synced')
    const addresses = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4', '192.0.2.5']
    expect(stepped.actions(...addresses)).toBe('ban allow allow allow allow')
    stepped.ahead = 2 * HOUR
    expect(stepped.actions(...addresses)).toBe('ban ban allow allow allow')
    stepped.ahead = 9 * 365 * 24 * HOUR
    expect(stepped.actions(...addresses)).toBe('ban ban allow allow allow')
  })

  it('is replaced as a whole, list by list, kept where it does not come, and dropped when it is not linked', async () => {
    capi.setCommunity([{ value: '192.0.2.0/24', scope: 'range' }])
    capi.addAllowlist({ name: 'one', entries: ['192.0.2.1', '192.0.2.2'] })
    capi.addAllowlist({ name: 'two', entries: ['192.0.2.1'] })
    await stepped.pull()
    expect(await stepped.pull()).toBe('synced')
    expect(stepped.downloads()).toEqual(['one 200', 'two 200', 'if one 304', 'if two 304'])
    later()
    capi.addAllowlist({ name: 'one', entries: ['192.0.2.3'] })
    await stepped.pull()
    expect(stepped.actions('192.0.2.1', '192.0.2.2', '192.0.2.3')).toBe('allow ban allow')
    capi.fault({ kind: 'status', status: 500 }, { match: ({ path }) => path.startsWith('/allowlists/') })
    expect(await stepped.pull()).toBe('synced ERR_CSB_CAPI_LINK ERR_CSB_CAPI_LINK')
    expect(stepped.actions('192.0.2.1', '192.0.2.2', '192.0.2.3')).toBe('allow ban allow')
    capi.removeAllowlist('two')
    await stepped.pull()
    expect(stepped.actions('192.0.2.1', '192.0.2.3')).toBe('ban allow')
  })

  it('is believed to be empty when it says so twice, also where nothing else is held', async () => {
    capi.addAllowlist({ name: 'ours', entries: [] })
    expect(await stepped.pull()).toBe('synced')
    later()
    capi.addAllowlist({ name: 'ours', entries: ['192.0.2.1'] })
    await stepped.pull()
    later()
    capi.addAllowlist({ name: 'ours', entries: [] })
    expect(await stepped.pull()).toBe('synced ERR_CSB_CAPI_LINK')
    expect(stepped.allowlists.has('192.0.2.1')).toBe(true)
    expect(await stepped.pull()).toBe('synced')
    expect(stepped.allowlists.has('192.0.2.1')).toBe(false)
  })

  it.each([
    [
      'bad lines are told',
      '{"value":"192.0.2.2"}\n{"value":7}\n{"value":"x"}\nnull\n[]\n{\n{"value":"192.0.2.3","expiration":"soon"}',
      'synced',
      'ban allow ban',
    ],
    ['nothing but bad lines', '<html>\n', 'synced ERR_CSB_CAPI_LINK', 'allow ban ban'],
    ['nothing', '', 'synced ERR_CSB_CAPI_LINK', 'allow ban ban'],
  ])('%s', async (_name, body, outcome, actions) => {
    capi.setCommunity([{ value: '192.0.2.0/24', scope: 'range' }])
    capi.addAllowlist({ name: 'one', entries: ['192.0.2.1'] })
    await stepped.pull()
    later()
    capi.addAllowlist({ name: 'one', body })
    expect(await stepped.pull()).toBe(outcome)
    expect(stepped.actions('192.0.2.1', '192.0.2.2', '192.0.2.3')).toBe(actions)
  })
})

describe('a CAPI in trouble', () => {
  it.each([
    ['down', { kind: 'down' }, 'ERR_CSB_CONNECTION_LOST'],
    ['answering with HTML', { kind: 'html' }, 'ERR_CSB_CAPI_BODY'],
    ['answering with half of it', { kind: 'cut', afterBytes: 20 }, 'ERR_CSB_CONNECTION_LOST'],
    ['answering 500', { kind: 'status', status: 500 }, 'ERR_CSB_CAPI_STATUS'],
    ['answering 403', { kind: 'status', status: 403 }, 'ERR_CSB_CAPI_AUTH'],
  ] as const)('%s: nothing is lost, and it is asked again after a minute at least', async (_name, fault, code) => {
    capi.setCommunity([{ value: '192.0.2.1' }])
    capi.addBlocklist({ name: 'one', values: ['192.0.2.2'] })
    capi.addAllowlist({ name: 'ours', entries: ['192.0.2.3'] })
    await stepped.pull()
    capi.fault(fault, { times: 3 })
    for (let tries = 0; tries < 3; tries++) expect(await stepped.pull()).toBe(`no sync ${code}`)
    expect(stepped.actions('192.0.2.1', '192.0.2.2')).toBe('ban ban')
    expect(stepped.allowlists.store.size).toBe(1)
    const [, first, second, third] = stepped.waits
    expect(first).toBeGreaterThanOrEqual(MINUTE)
    expect(first).toBeLessThanOrEqual(2 * MINUTE)
    expect(second).toBeGreaterThanOrEqual(2 * MINUTE)
    expect(third).toBeGreaterThanOrEqual(4 * MINUTE)
    expect(await stepped.pull()).toBe('synced')
    expect(stepped.waits.at(-1)).toBeGreaterThan(HOUR)
  })

  it('is left alone for as long as it asks', async () => {
    capi.fault({ kind: 'status', status: 429, headers: { 'retry-after': '7300' } })
    await stepped.pull()
    expect(stepped.waits).toEqual([7_300_000])
  })

  it('is left alone while the machine must not ask', async () => {
    const blocked = new CapiError('ERR_CSB_CAPI_BLOCKED', 'paused', { retryAfter: HOUR })
    const { capi, stepped } = await steppedCapi({ machines: { withToken: () => Promise.reject(blocked) } })
    expect(await stepped.pull()).toBe('no sync ERR_CSB_CAPI_BLOCKED')
    expect(stepped.waits).toEqual([HOUR])
    expect(stepped.connected.account.isReady).toBe(false)
    expect(capi.requests).toEqual([])
  })

  it('does not keep the source from stopping in the middle of a list', async () => {
    const server = await ListServer.start()
    let arrived = () => {}
    const asked = new Promise<void>((resolve) => {
      arrived = resolve
    })
    server.on('/slow', (_, response) => {
      response.write('192.0.2.1\n')
      arrived()
    })
    capi.addBlocklist({ name: 'slow', values: [], url: server.url('/slow') })
    void stepped.pull() // never over: the source does not get to wait again
    await asked
    await stepped.stop()
    expect(stepped.errors).toEqual([])
    expect(stepped.connected.store.size).toBe(0)
  })
})

it('a source that has stopped has no request under way', async () => {
  let isOver = false
  let asked = (_signal: AbortSignal) => {}
  const asking = new Promise<AbortSignal>((resolve) => {
    asked = resolve
  })
  const withToken = async (_machineId: string, signal: AbortSignal): Promise<never> => {
    asked(signal)
    await once(signal, 'abort')
    await new Promise(setImmediate)
    isOver = true
    throw signal.reason
  }
  const { stepped } = await steppedCapi({ machines: { withToken } })
  void stepped.pull() // never over: the source does not get to wait
  await asking
  await stepped.stop()
  expect(isOver).toBe(true)
})

describe('after a restart with a snapshot', () => {
  async function twice(between: () => void, change: SteppedCapiOptions = {}): Promise<SteppedCapi> {
    const folder = temporaryDirectory()
    const snapshot = join(folder, 'snapshot')
    capi.setCommunity([{ value: '192.0.2.0/24', scope: 'range' }])
    capi.addBlocklist({ name: 'one', values: ['198.51.100.1', '198.51.100.2'] })
    capi.addBlocklist({ name: 'two', values: ['198.51.100.1'] })
    capi.addAllowlist({ name: 'ours', entries: ['192.0.2.7'] })
    const first = new SteppedCapi(capi, { snapshot })
    await first.pull()
    await first.stop()
    between()
    return new SteppedCapi(capi, { snapshot, ...change })
  }

  it('everything is in force while CAPI is down, allowlists too', async () => {
    const again = await twice(() => capi.fault({ kind: 'down' }))
    expect(await again.pull()).toBe('no sync ERR_CSB_CONNECTION_LOST')
    expect(again.actions('192.0.2.6', '192.0.2.7', '198.51.100.1')).toBe('ban allow ban')
  })

  it.each([
    ['machine', { machineId: 'x'.repeat(48) }],
    ['choice of lists', { communityPull: false }],
    ['choice of lists', { additionalPull: false }],
    ['CAPI', { api: { target: 'https://other.example/v3/', decisions: () => Promise.reject(new Error('down')) } }],
  ])('nothing of it is in force for another %s: %o', async (_what, change) => {
    const again = await twice(() => capi.fault({ kind: 'down' }), change)
    expect(await again.pull()).toMatch(/^no sync /)
    expect(again.actions('192.0.2.6', '198.51.100.1')).toBe('allow allow')
  })

  it('an allowlist that was given up lets nobody pass', async () => {
    const snapshot = join(temporaryDirectory(), 'snapshot')
    capi.setCommunity([{ value: '192.0.2.0/24', scope: 'range' }])
    capi.addAllowlist({ name: 'ours', entries: ['192.0.2.7'] })
    const runs = [() => capi.removeAllowlist('ours'), () => capi.fault({ kind: 'down' }), () => {}]
    const seen: string[] = []
    for (const after of runs) {
      const run = new SteppedCapi(capi, { snapshot })
      for (let pulls = 0; pulls < 2; pulls++) {
        await run.pull()
        seen.push(run.actions('192.0.2.7'))
      }
      await run.stop()
      after()
    }
    expect(seen).toEqual(['allow', 'allow', 'allow', 'ban', 'ban', 'ban'])
  })

  it('the first pull goes on from it: what is not in it stays, lists are asked for anew, and the given up one goes', async () => {
    const again = await twice(() => {
      capi.setCommunity([{ value: '203.0.113.1' }])
      capi.removeBlocklist('two')
      capi.fault({ kind: 'status', status: 500 }, { match: ({ path }) => path === '/blocklists/one', times: 1 })
    })
    expect(await again.pull()).toBe('synced ERR_CSB_CAPI_LINK')
    expect(again.connected.account.isReady).toBe(true)
    expect(again.actions('192.0.2.6', '203.0.113.1', '198.51.100.2')).toBe('ban ban ban')
    expect(again.decisions('198.51.100.1')).toEqual(['lists one ban'])
    later()
    capi.addBlocklist({ name: 'one', values: ['198.51.100.2'] })
    again.downloads()
    expect(await again.pull()).toBe('synced')
    expect(again.downloads()).toEqual(['if ours 304', 'one 200'])
    expect(again.actions('198.51.100.1', '198.51.100.2')).toBe('allow ban')
  })
})

it('a blocklist of 500,000 lines in gzip comes and is replaced without holding up the event loop', async () => {
  const COUNT = 500_000
  const address = (i: number) => `${11 + (i >> 18)}.${(i >> 10) & 255}.${(i >> 2) & 255}.${(i & 3) * 64}`
  const server = await ListServer.start()
  const half = (from: number) =>
    gzipSync(`# all\r\n${Array.from({ length: COUNT }, (_, i) => address(from + i)).join('\r\n')}\r\n`, { level: 1 })
  const [old, young] = [half(0), half(COUNT / 2)]
  const coding = { 'content-encoding': 'gzip' }
  server.on('/all', (_, response) => void response.writeHead(200, coding).end(old))
  capi.addBlocklist({ name: 'all', values: [], url: server.url('/all') })
  const turns = new LoopTurns()
  const began = performance.now()
  expect(await stepped.pull()).toBe('synced')
  const first = performance.now() - began
  expect(stepped.connected.store.size).toBe(COUNT)
  server.on('/all', (_, response) => void response.writeHead(200, coding).end(young))
  expect(await stepped.pull()).toBe('synced')
  const second = performance.now() - began - first
  const { count, longest } = turns.end()
  expect(stepped.connected.store.size).toBe(COUNT)
  expect(stepped.actions(address(0), address(COUNT), address(COUNT * 1.5 - 1))).toBe('allow ban ban')
  console.log(
    `500,000 lines: ${Math.round(first)} ms, replaced by others: ${Math.round(second)} ms, ${count} turns of the event loop, the longest ${longest} ms of work`,
  )
  // How long each took says more of the machine; a slower one has more of them.
  expect(count).toBeGreaterThan(100)
}, 60_000)

it('100,000 decisions in gzip come without holding up the event loop', async () => {
  const { capi, stepped } = await steppedCapi({}, { gzip: 'always' })
  const address = (i: number) => `11.${i >> 16}.${(i >> 8) & 255}.${i & 255}`
  capi.setCommunity(Array.from({ length: 100_000 }, (_, i) => ({ value: address(i), duration: `${i % 99}h1s` })))
  const turns = new LoopTurns()
  expect(await stepped.pull()).toBe('synced')
  const { count, longest } = turns.end()
  expect(stepped.connected.store.size).toBe(100_000)
  console.log(`100,000 decisions in gzip: ${count} turns of the event loop, the longest ${longest} ms of work`)
  expect(count).toBeGreaterThan(50)
})

/** How many turns the event loop had, and the longest, in milliseconds of work: the wall clock tells of other processes. */
class LoopTurns {
  #count = 0
  #longest = 0
  #last = process.cpuUsage()
  #isOver = false

  constructor() {
    setImmediate(() => this.#turn())
  }

  end(): { readonly count: number; readonly longest: number } {
    this.#isOver = true
    return { count: this.#count, longest: Math.round(this.#longest / 1000) }
  }

  #turn(): void {
    const { user, system } = process.cpuUsage(this.#last)
    this.#count++
    this.#longest = Math.max(this.#longest, user + system)
    this.#last = process.cpuUsage()
    if (!this.#isOver) setImmediate(() => this.#turn())
  }
}
