import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { inspect, promisify } from 'node:util'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, it, test } from 'vitest'
import { type Bouncer, type BouncerOptions, createBouncer, type DecisionSink, type Source } from '../src/index.js'
import { decision, listSource, toldSource } from './source-of-decisions.js'

const started: Bouncer[] = []

afterEach(async () => {
  for (const bouncer of started.splice(0)) await bouncer.stop()
})

async function start(options: BouncerOptions): Promise<Bouncer> {
  const bouncer = createBouncer(options)
  started.push(bouncer)
  await bouncer.start()
  return bouncer
}

/** A source that hands its sink to the test. */
function openSource(name = 'open'): Source & { sink(): DecisionSink } {
  let given: DecisionSink | undefined
  return {
    name,
    start(sink) {
      given = sink
    },
    stop() {},
    sink() {
      if (given === undefined) throw new Error('not started')
      return given
    },
  }
}

describe('check', () => {
  test.each([
    ['1.2.3.4:80'],
    ['[2001:db8::1]'],
    ['[2001:db8::1]:443'],
    [' 203.0.113.7'],
    ['203.0.113.007'],
    ['localhost'],
    [''],
    [undefined as unknown as string],
    [null as unknown as string],
    [{} as unknown as string],
  ])('%j is no address: never a throw, counted, answered by the policy', async (address) => {
    const allowing = await start({ sources: [listSource([decision({ value: '0.0.0.0/0', scope: 'Range' })])] })
    const banning = await start({ sources: [listSource([])], invalidAddressAction: 'ban' })
    expect(allowing.check(address)).toEqual({ action: 'allow', decision: null })
    expect(banning.check(address)).toEqual({ action: 'ban', decision: null })
    expect(allowing.stats().requests).toEqual({ allowed: 0, remediated: 0, invalid: 1 })
    expect(banning.stats().requests).toEqual({ allowed: 0, remediated: 1, invalid: 1 })
    expect(allowing.explain(address)).toEqual([])
  })

  it('upper case and a zone are fine', async () => {
    const bouncer = await start({ sources: [listSource([decision({ value: '2001:db8::1' })])] })
    expect(bouncer.check('2001:DB8::1%eth0').action).toBe('ban')
  })

  it('tells the decision, which is a plain object and stays as it was', async () => {
    const source = openSource()
    const bouncer = await start({ sources: [source], startTimeout: 100 })
    await source.sink().replaceAll([decision({ id: 5, duration: '1h' })])
    const verdict = bouncer.check('1.2.3.4')
    await source.sink().apply({ deleted: [decision()], new: [decision({ id: 9, origin: 'x', scenario: 'y' })] })
    const hour = Date.parse(verdict.decision?.until ?? '') - Date.now()
    expect(hour).toBeGreaterThan(3_590_000)
    expect(hour).toBeLessThan(3_601_000)
    expect(JSON.parse(JSON.stringify(verdict))).toEqual({
      action: 'ban',
      decision: {
        id: 5, origin: 'cscli', type: 'ban', scope: 'Ip', value: '1.2.3.4', scenario: 'ssh-bf', until: verdict.decision?.until,
      },
    }) // biome-ignore format: one line
    expect(bouncer.check('1.2.3.4').decision?.id).toBe(9)
  })

  it('is shown with its action and its decision, and nothing else', async () => {
    const bouncer = await start({ sources: [listSource([decision({ id: 7 })])] })
    const verdict = bouncer.check('1.2.3.4')
    const shown = inspect(verdict)
    expect(shown).toBe(inspect({ action: 'ban', decision: verdict.decision }))
    expect(shown).toContain('id: 7')
  })

  it('the most severe over all sources wins, in the order that was configured', async () => {
    const sources = [
      listSource([decision({ value: '10.0.0.0/8', scope: 'Range' })], 'one'),
      listSource([decision({ value: '10.0.0.1', type: 'captcha' })], 'other'),
    ]
    const usual = await start({ sources })
    const reversed = await start({ sources, severityOrder: ['captcha', 'ban'] })
    expect(usual.check('10.0.0.1').action).toBe('ban')
    expect(reversed.check('10.0.0.1').action).toBe('captcha')
    expect(usual.explain('10.0.0.1').map(({ type }) => type)).toEqual(['ban', 'captcha'])
    expect(usual.stats()).toMatchObject({ decisions: 2, sources: [{ name: 'one' }, { name: 'other' }] })
  })
})

describe('two sources', () => {
  it('of equally severe decisions the most specific wins, whichever source it is from', async () => {
    const wide = listSource([decision({ value: '10.0.0.0/8', scope: 'Range', scenario: 'wide' })], 'wide')
    const narrow = listSource([decision({ value: '10.0.0.1', scenario: 'narrow' })], 'narrow')
    for (const sources of [
      [wide, narrow],
      [narrow, wide],
    ]) {
      const bouncer = await start({ sources })
      expect(bouncer.explain('10.0.0.1').map(({ scenario }) => scenario)).toEqual(['narrow', 'wide'])
      expect(bouncer.check('10.0.0.1').decision?.scenario).toBe('narrow')
    }
  })
})

describe('sources', () => {
  it('an incomplete replacement leaves what was in force', async () => {
    const source = openSource()
    const bouncer = await start({ sources: [source], startTimeout: 100 })
    await source.sink().replaceAll([decision()])
    async function* broken() {
      yield decision({ value: '5.5.5.5' })
      throw new Error('cut')
    }
    await expect(source.sink().replaceAll(broken())).rejects.toThrow('cut')
    expect([bouncer.check('1.2.3.4').action, bouncer.check('5.5.5.5').action]).toEqual(['ban', 'allow'])
  })

  it('a replacement is in force in one step, not bit by bit', async () => {
    const source = openSource()
    const bouncer = await start({ sources: [source], startTimeout: 100 })
    await source.sink().replaceAll([decision()])
    const seen: string[] = []
    async function* slow() {
      yield decision({ value: '5.5.5.5' })
      seen.push(bouncer.check('1.2.3.4').action, bouncer.check('5.5.5.5').action)
    }
    await source.sink().replaceAll(slow())
    seen.push(bouncer.check('1.2.3.4').action, bouncer.check('5.5.5.5').action)
    expect(seen).toEqual(['ban', 'allow', 'allow', 'ban'])
  })

  it('calls that are not awaited are taken in turn', async () => {
    const source = openSource()
    const bouncer = await start({ sources: [source], startTimeout: 100 })
    const sink = source.sink()
    const all = [
      sink.replaceAll([decision()]),
      sink.apply({ deleted: [decision()] }),
      sink.apply({ new: [decision({ id: 3 })] }),
    ]
    await Promise.all(all)
    expect(bouncer.check('1.2.3.4').decision?.id).toBe(3)
  })

  it('one that throws at start is one that failed: the app goes on', async () => {
    const errors: Error[] = []
    const bad: Source = {
      name: 'bad',
      start() {
        throw new Error('no luck')
      },
      stop() {
        throw new Error('nor here')
      },
    }
    const bouncer = createBouncer({ sources: [bad], startTimeout: 100 })
    started.push(bouncer)
    bouncer.on('error', (error) => errors.push(error))
    await bouncer.start()
    expect(errors.map(({ message }) => message)).toEqual(['no luck'])
    expect(bouncer.isReady()).toBe(false)
    expect(bouncer.stats().sources[0]).toMatchObject({ state: 'starting', failures: 1, lastError: 'no luck' })
  })

  it('a bad decision is counted by reason, logged once, and the rest applies', async () => {
    const lines: string[] = []
    const logger = { debug() {}, info() {}, warn: (line: string) => void lines.push(line), error() {} }
    const bad = decision({ value: '300.1.1.1' })
    const source = openSource()
    const bouncer = await start({ sources: [source], startTimeout: 100, logger })
    await source.sink().replaceAll([bad, decision(), bad])
    await source.sink().apply({ new: [bad, decision({ value: '2.2.2.2' })] })
    expect(bouncer.stats().sources[0]).toMatchObject({ decisions: 2, skipped: { bad_value: 3 } })
    expect(lines).toEqual([expect.stringContaining('(bad_value): {"type":"ban","scope":"Ip","value":"300.1.1.1"}')])
  })
})

describe('events', () => {
  it('tells blocked, synced, stale and error; a listener that throws harms nobody', async () => {
    const source = openSource()
    const bouncer = await start({ sources: [source], startTimeout: 100 })
    const told: unknown[] = []
    bouncer.on('synced', ({ source: name, kind, held }) => told.push(['synced', name, kind, held]))
    bouncer.on('stale', ({ source: name }) => told.push(['stale', name]))
    bouncer.on('error', ({ message }) => told.push(['error', message]))
    bouncer.on('blocked', ({ address, verdict }) => {
      told.push(['blocked', address, verdict.action])
      throw new Error('in a listener')
    })
    await source.sink().replaceAll([decision()])
    await source.sink().apply({ new: [decision({ value: '2.2.2.2' })] })
    source.sink().failed(new Error('down'))
    source.sink().failed(new Error('still down'))
    expect(bouncer.check('1.2.3.4').action).toBe('ban')
    bouncer.check('9.9.9.9')
    expect(told).toEqual([
      ['synced', 'open', 'replaced', 1],
      ['synced', 'open', 'changed', 2],
      ['stale', 'open'],
      ['error', 'down'],
      ['error', 'still down'],
      ['blocked', '1.2.3.4', 'ban'],
    ])
    expect(bouncer.stats().sources[0]).toMatchObject({ state: 'failing', failures: 2, lastError: 'still down' })
  })

  it('every listener is told, whatever one before it does', async () => {
    const lines: string[] = []
    const logger = { debug() {}, info() {}, warn() {}, error: (line: string) => void lines.push(line) }
    const bouncer = await start({ sources: [listSource([decision()])], logger })
    let told = 0
    bouncer.on('blocked', () => {
      throw new Error('at once')
    })
    bouncer.on('blocked', async () => {
      throw new Error('later') // unheard, it would end the process
    })
    bouncer.on('blocked', runInNewContext("async () => { throw new Error('elsewhere') }")) // another realm's promise
    bouncer.on('blocked', () => void told++)
    expect(bouncer.check('1.2.3.4').action).toBe('ban')
    expect(told).toBe(1)
    await expect.poll(() => lines).toHaveLength(3)
    for (const [index, said] of ['at once', 'later', 'elsewhere'].entries()) {
      expect(lines[index]).toMatch(new RegExp(`^A listener for "blocked" threw: .*${said}$`))
    }
  })

  it('an error without a listener does not end the process', async () => {
    const source = openSource()
    await start({ sources: [source], startTimeout: 100 })
    expect(() => source.sink().failed(new Error('down'))).not.toThrow()
  })
})

describe('metrics', () => {
  it('follow the Prometheus conventions and count what happened', async () => {
    const bouncer = await start({
      sources: [
        listSource([
          decision(),
          decision({ value: '2001:db8::1', origin: 'lists', scenario: 'tor' }),
          decision({ value: 'x' }),
        ]),
      ],
    })
    for (let i = 0; i < 8192; i++) bouncer.check('9.9.9.9')
    bouncer.check('1.2.3.4')
    bouncer.check('2001:db8::1')
    bouncer.check('nonsense')
    const text = await bouncer.registry.metrics()
    for (const line of [
      'crowdsec_bouncer_requests_total{action="allow",origin=""} 8192',
      'crowdsec_bouncer_requests_total{action="ban",origin="cscli"} 1',
      'crowdsec_bouncer_requests_total{action="ban",origin="lists:tor"} 1',
      'crowdsec_bouncer_failed_verdicts_total{cause="invalid_address"} 1',
      'crowdsec_bouncer_decisions{origin="cscli",type="ban",ip_family="ipv4"} 1',
      'crowdsec_bouncer_decisions{origin="lists",type="ban",ip_family="ipv6"} 1',
      'crowdsec_bouncer_decisions_skipped_total{source="list",reason="bad_value"} 1',
      'crowdsec_bouncer_syncs_total{source="list",kind="replaced"} 1',
      'crowdsec_bouncer_sync_failures_total{source="list"} 0',
      'crowdsec_bouncer_sync_duration_seconds_count{source="list",kind="replaced"} 1',
      'crowdsec_bouncer_check_duration_seconds_count 2',
    ]) {
      expect(text.split('\n')).toContain(line)
    }
    expect(text).toMatch(/^crowdsec_bouncer_last_sync_age_seconds\{source="list"\} \d/m)
    for (const name of text.matchAll(/^# TYPE (\S+) (\S+)/gm)) {
      expect(name[1]).toMatch(/^crowdsec_bouncer_[a-z_]+$/)
      expect(name[1].endsWith('_total')).toBe(name[2] === 'counter')
    }
    expect(await bouncer.registry.metrics()).toContain('requests_total{action="allow",origin=""} 8192')
  })
})

describe('life', () => {
  it('start after stop is an error with a code; both may be called twice', async () => {
    const bouncer = await start({ sources: [listSource([])] })
    await Promise.all([bouncer.start(), bouncer.stop(), bouncer.stop()])
    await expect(bouncer.start()).rejects.toMatchObject({ code: 'ERR_CSB_STATE' })
  })

  it('start() keeps the process alive while it waits, also where it began in the background', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const { source, sink } = toldSource()
    const bouncer = createBouncer({ sources: [source], startTimeout: '10m' })
    started.push(bouncer)
    const before = timers()
    bouncer.startInBackground()
    expect(timers()).toBe(before)
    const waiting = bouncer.start()
    expect(timers()).toBe(before + 1)
    await (await sink).replaceAll([])
    await Promise.all([waiting, bouncer.start()])
    expect(timers()).toBe(before)
  })

  it('stop() ends a start() that waits', async () => {
    const bouncer = createBouncer({ sources: [openSource()], startTimeout: '10m' })
    const waiting = bouncer.start()
    await bouncer.stop()
    await waiting
  })

  it('stop() waits until every source has stopped', async () => {
    let isStopped = false
    const stop = async () => {
      await new Promise(setImmediate)
      isStopped = true
    }
    const bouncer = await start({ sources: [{ ...listSource([]), stop }] })
    await bouncer.stop()
    expect(isStopped).toBe(true)
  })

  it('leaves nothing: the process ends by itself', async () => {
    const script = `
      import { createBouncer } from ${JSON.stringify(resolve(import.meta.dirname, '../dist/src/index.js'))}
      import { writeFileSync } from 'node:fs'
      import { createServer } from 'node:http'
      const lapi = createServer((_req, res) => res.end('{"new":null,"deleted":null}')).listen(0, '127.0.0.1')
      await new Promise((resolve) => lapi.once('listening', resolve))
      const bouncer = createBouncer({ apiUrl: 'http://127.0.0.1:' + lapi.address().port, apiKey: 'k' })
      await bouncer.start()
      if (!bouncer.isReady()) throw new Error('not ready')
      await bouncer.stop()
      lapi.close()
      process.on('exit', () => console.log('ended', process.getActiveResourcesInfo().filter((name) => !/Pipe|TTY|File/.test(name))))
    `
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      timeout: 10_000,
    })
    expect(stdout.trim()).toBe('ended []')
  })

  it('an app that only used the middleware ends when its server closes', async () => {
    const script = `
      import { createServer } from 'node:http'
      import { crowdsec } from ${JSON.stringify(resolve(import.meta.dirname, '../dist/middleware/express.js'))}
      const lapi = createServer((_req, res) => res.end('{"new":null,"deleted":null}')).listen(0, '127.0.0.1')
      await new Promise((resolve) => lapi.once('listening', resolve))
      const { bouncer } = crowdsec({ apiUrl: 'http://127.0.0.1:' + lapi.address().port, apiKey: 'k' })
      await new Promise((resolve) => bouncer.on('synced', resolve))
      lapi.unref()
    `
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 10_000 })
  })
})
