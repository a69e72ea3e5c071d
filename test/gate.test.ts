/** What a gate makes of a request, whichever framework it comes from: here requests are plain objects. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, test } from 'vitest'
import {
  type Bouncer,
  type BouncerOptions,
  createBouncer,
  type Passage,
  type RequestReader,
  type RouteOverrides,
} from '../src/index.js'
import { decision, listSource } from './source-of-decisions.js'

interface PlainRequest {
  readonly address?: string
  readonly path?: string
  readonly method?: string
  readonly accept?: string
  readonly user?: string
}

const reader: RequestReader<PlainRequest> = {
  address: ({ address }) => address,
  peer: ({ address }) => address,
  header: ({ accept }, name) => (name === 'accept' ? accept : undefined),
  method: ({ method }) => method ?? 'GET',
  path: ({ path }) => path ?? '/',
  proxyTrust: () => 'some',
  proxySettings: '`trust`',
}

const BANNED = '203.0.113.7'
const STRANGER = '192.0.2.99'
const DECISIONS = [
  decision({ value: BANNED, duration: '1h' }),
  decision({ value: '203.0.113.8', type: 'captcha' }),
  decision({ value: '203.0.113.9', type: 'mfa' }),
  decision({ scope: 'username', value: 'bob' }),
  decision({ scope: '0', value: 'b' }),
  decision({ scope: 'AS', value: '64500' }),
  decision({ scope: 'username', value: 'null' }),
  decision({ scope: 'username', value: '[object Object]' }),
]

interface Running {
  readonly bouncer: Bouncer
  readonly lines: readonly string[]
  enter(request: PlainRequest): Passage
}

async function run(options: Partial<BouncerOptions> = {}, overrides?: RouteOverrides): Promise<Running> {
  const lines: string[] = []
  const write = (level: string) => (line: string) => void lines.push(`${level} ${line}`)
  const logger = { debug() {}, info: write('info'), warn: write('warn'), error: write('error') }
  const bouncer = createBouncer({ sources: [listSource(DECISIONS)], logger, ...options })
  onTestFinished(() => bouncer.stop())
  await bouncer.start()
  const gate = bouncer.gate(reader, overrides)
  lines.length = 0
  return {
    bouncer,
    lines,
    enter(request) {
      const passage = gate.enter(request)
      if (passage instanceof Promise) throw new Error('there is nothing to wait for')
      return passage
    },
  }
}

/** `pass`, or the status of the answer. */
const outcome = ({ answer }: Passage) => answer?.status ?? 'pass'

async function failures(bouncer: Bouncer): Promise<Record<string, number>> {
  const metric = await bouncer.registry.getSingleMetric('crowdsec_bouncer_failed_verdicts_total')?.get()
  return Object.fromEntries((metric?.values ?? []).map(({ labels, value }) => [labels['cause'], value]))
}

describe('what becomes of a request', () => {
  const captcha = '203.0.113.8'
  const unknown = '203.0.113.9'
  test.each<[Partial<BouncerOptions>, PlainRequest, number | 'pass']>([
    [{}, { address: STRANGER }, 'pass'],
    [{}, { address: BANNED }, 403],
    [{ banReturnCode: 429 }, { address: BANNED }, 429],
    [{}, {}, 'pass'],
    [{ invalidAddressAction: 'ban' }, {}, 403],
    [{}, { address: captcha }, 403],
    [{ remediationFallback: 'ignore' }, { address: captcha }, 'pass'],
    [{}, { address: unknown }, 403],
    [{ remediationFallback: 'ignore' }, { address: unknown }, 'pass'],
    [{ remediationFallback: 'ignore' }, { address: BANNED }, 403],
    [{ maxRemediation: 'captcha', remediationFallback: 'ignore' }, { address: BANNED }, 'pass'],
    [{ maxRemediation: 'captcha' }, { address: BANNED }, 'pass'],
    [{ maxRemediation: 'ban' }, { address: captcha }, 403],
    [{ scenarioActions: { 'ssh-bf': 'allow' } }, { address: BANNED }, 'pass'],
    [{ originActions: { cscli: 'ban' }, remediationFallback: 'ignore' }, { address: captcha }, 403],
    [{ allowlist: [BANNED] }, { address: BANNED }, 'pass'],
    [{ banRedirect: 'https://example.com/' }, { address: BANNED }, 303],
    [{ excludePaths: ['/health'] }, { address: BANNED, path: '/health?x' }, 'pass'],
    [{ excludePaths: ['/health'] }, { address: BANNED, path: '/health/../admin' }, 403],
    [{ excludePaths: ['/health'] }, { address: BANNED, path: '/healthy' }, 403],
    [{ excludeMethods: ['options'] }, { address: BANNED, method: 'OPTIONS' }, 'pass'],
    [{ excludeMethods: ['options'] }, { address: BANNED, method: 'GET' }, 403],
    [{ excludeMethods: ['GET'] }, { address: BANNED, method: 'get' }, 403],
    [{ exclude: ({ path }: PlainRequest) => path === '/x' }, { address: BANNED, path: '/x' }, 'pass'],
    [{ exclude: ({ path }: PlainRequest) => path === '/x' }, { address: BANNED, path: '/y' }, 403],
    [{ exclude: (() => 'yes') as never }, { address: BANNED }, 403],
    [{ identify: () => ({ username: 'bob' }) }, { address: STRANGER }, 403],
    [{ identify: () => ({ username: 'bob' }) }, {}, 403],
    [{ identify: () => ({ username: 'alice' }) }, { address: STRANGER }, 'pass'],
    [{ dryRun: true }, { address: BANNED }, 'pass'],
    [{ notReadyAction: 'captcha' }, { address: STRANGER }, 'pass'],
  ])('%j, %j: %s', async (options, request, expected) => {
    const { enter } = await run(options)
    expect(outcome(enter(request))).toBe(expected)
  })

  it('a failure action that cannot be carried out falls back too', async () => {
    const never = { name: 'never', start() {}, stop() {} }
    const options = { sources: [never], startTimeout: 100, notReadyAction: 'captcha' } as const
    const passage = (await run(options)).enter({ address: STRANGER })
    expect([outcome(passage), passage.verdict]).toEqual([403, { action: 'captcha', decision: null }])
    expect(outcome((await run({ ...options, remediationFallback: 'ignore' })).enter({ address: STRANGER }))).toBe(
      'pass',
    )
  })

  it('all who are let in without further ado share one passage', async () => {
    const { enter } = await run({ excludePaths: ['/x'] })
    expect(enter({ address: STRANGER })).toBe(enter({ address: BANNED, path: '/x' }))
  })

  it('what is not judged is not counted', async () => {
    const { bouncer, enter } = await run({ excludePaths: ['/x'] })
    enter({ address: BANNED, path: '/x' })
    expect(bouncer.stats().requests).toEqual({ allowed: 0, remediated: 0, invalid: 0 })
  })
})

describe('dry run', () => {
  it('judges, counts and logs, tells the verdict, and blocks nothing', async () => {
    const banAnswer = () => {
      throw new Error('not asked for')
    }
    const { bouncer, lines, enter } = await run({ dryRun: true, banAnswer })
    const passage = enter({ address: BANNED })
    expect(passage).toMatchObject({ answer: null, verdict: { action: 'ban', decision: { value: BANNED } } })
    expect(bouncer.stats().requests.remediated).toBe(1)
    expect(lines).toEqual([expect.stringMatching(/203\.0\.113\.7.*ban.*dry run/)])
  })

  it('logs nothing of those who would pass', async () => {
    const { lines, enter } = await run({ dryRun: true, remediationFallback: 'ignore' })
    enter({ address: STRANGER })
    enter({ address: '203.0.113.8' })
    expect(lines).toEqual([])
  })
})

describe('a route’s own options', () => {
  test.each<[Partial<BouncerOptions>, RouteOverrides, string, number | 'pass']>([
    [{ dryRun: true }, { dryRun: false }, BANNED, 403],
    [{}, { banReturnCode: 451 }, BANNED, 451],
    [{}, { remediationFallback: 'ignore' }, '203.0.113.8', 'pass'],
    [{}, { maxRemediation: 'captcha', remediationFallback: 'ignore' }, BANNED, 'pass'],
    [{ maxRemediation: 'captcha', remediationFallback: 'ignore' }, { maxRemediation: 'ban' }, BANNED, 403],
    [{ banRedirect: 'https://example.com/' }, { banRedirect: 'https://example.com/other' }, BANNED, 303],
    [{}, { exclude: () => true }, BANNED, 'pass'],
  ])('%j then %j', async (options, overrides, address, expected) => {
    const { enter } = await run(options, overrides)
    expect(outcome(enter({ address }))).toBe(expected)
  })

  it('are counted as what they do, on the route where they do it', async () => {
    const { bouncer, enter } = await run({}, { maxRemediation: 'throttle' })
    expect(enter({ address: BANNED }).verdict).toMatchObject({ action: 'throttle', decision: { type: 'ban' } })
    expect(bouncer.check(BANNED).action).toBe('ban')
    const text = await bouncer.registry.metrics()
    expect(text).toContain('requests_total{action="throttle",origin="cscli"} 1')
    expect(text).toContain('requests_total{action="ban",origin="cscli"} 1')
  })

  test.each([
    [{ maxRemediation: 'captch' }, /maxRemediation: expected one of/],
    [{ banTemplatePath: '/none.html' }, /banTemplatePath/],
    [{ allowlist: [] }, /allowlist: cannot differ from route to route/],
  ])('%j is a mistake with a name', async (overrides, message) => {
    const { bouncer } = await run()
    expect(() => bouncer.gate(reader, overrides as RouteOverrides)).toThrow(
      expect.objectContaining({ code: 'ERR_CSB_CONFIG', message: expect.stringMatching(message) }),
    )
  })

  it('a limit below what can be done is warned of', async () => {
    const { bouncer, lines } = await run()
    bouncer.gate(reader, { maxRemediation: 'ban' })
    bouncer.gate(reader, { maxRemediation: 'captcha', remediationFallback: 'ignore' })
    bouncer.gate(reader, { maxRemediation: 'allow' })
    expect(lines).toEqual([])
    bouncer.gate(reader, { maxRemediation: 'captcha' })
    expect(lines).toEqual([expect.stringContaining('CSB_MAX_REMEDIATION')])
  })
})

describe('functions of the user’s that fail', () => {
  const fail = () => {
    throw new Error('my fault')
  }
  test.each<[string, Partial<BouncerOptions>]>([
    ['exclude throws', { exclude: fail }],
    [
      'exclude throws no error',
      {
        exclude: () => {
          throw undefined
        },
      },
    ],
    ['exclude is asynchronous', { exclude: (async () => true) as never }],
    ['exclude rejects', { exclude: (() => Promise.reject(new Error('unheard'))) as never }],
    ['identify throws', { identify: fail }],
    ['identify is asynchronous', { identify: (async () => ({ username: 'bob' })) as never }],
    ['identify rejects', { identify: (() => Promise.reject(new Error('unheard'))) as never }],
    ['banAnswer throws', { banAnswer: fail }],
    ['banAnswer returns garbage', { banAnswer: (() => 'no') as never }],
  ])('%s: the address is judged as ever, and it is told', async (_name, options) => {
    const { bouncer, lines, enter } = await run(options)
    expect(outcome(enter({ address: BANNED }))).toBe(403)
    expect(outcome(enter({ address: STRANGER }))).toBe('pass')
    expect(lines.filter((line) => line.startsWith('error ')).join('\n')).toMatch(/(exclude|identify|banAnswer) failed/)
    expect(await failures(bouncer)).not.toHaveProperty('internal')
    await new Promise(setImmediate) // an unhandled rejection would fail this run
  })

  test.each<[string, unknown, number | 'pass']>([
    ['null', null, 'pass'],
    ['a text', 'b', 'pass'],
    ['a list', ['b'], 'pass'],
    ['a number', 5, 'pass'],
    ['null as a name', { username: null }, 'pass'],
    ['an object as a name', { username: {} }, 'pass'],
    ['a number as a name', { AS: 64500 }, 'pass'],
    ['a text among garbage', { AS: 64500, x: null, username: 'bob' }, 403],
    ['an object without a prototype', Object.assign(Object.create(null), { username: 'bob' }), 403],
    ['what stands on the prototype', Object.create({ username: 'bob' }), 'pass'],
  ])('identify returns %s: it matches nothing by chance', async (_name, value, expected) => {
    const { enter } = await run({ identify: () => value as never })
    expect(outcome(enter({ address: STRANGER }))).toBe(expected)
    expect(outcome(enter({ address: BANNED }))).toBe(403)
  })

  it('a value that cannot be read does not fall on the next visitor', async () => {
    const sneaky = (_request: PlainRequest) => ({
      username: 'bob',
      get AS(): string {
        throw new Error('my fault')
      },
    })
    const { bouncer, enter } = await run({ identify: sneaky })
    expect(outcome(enter({ address: BANNED }))).toBe(403)
    try {
      bouncer.check(BANNED, sneaky({}))
    } catch {
      // Who asks by himself hears of his own mistake.
    }
    expect(bouncer.check(STRANGER).action).toBe('allow')
  })

  it('garbage is warned of once', async () => {
    const { lines, enter } = await run({ identify: () => ({ AS: 64500 }) as never })
    enter({ address: STRANGER })
    enter({ address: STRANGER })
    expect(lines).toEqual([expect.stringMatching(/^warn CSB_IDENTIFY: identify returned a number as AS/)])
  })
})

describe('an error of our own', () => {
  it('never reaches the application: the request passes, and it is counted and told', async () => {
    const { bouncer, lines } = await run()
    const broken: RequestReader<PlainRequest> = {
      ...reader,
      address: () => {
        throw new Error('a defect')
      },
    }
    expect(bouncer.gate(broken).enter({ address: BANNED })).toEqual({
      verdict: { action: 'allow', decision: null },
      answer: null,
    })
    expect(await failures(bouncer)).toEqual({ internal: 1 })
    expect(lines).toEqual([expect.stringMatching(/^error .*a defect/)])
  })
})

describe('the answer', () => {
  it('is in the form that is asked for, and has the visitor’s address in a template', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bouncer-gate-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const banTemplatePath = join(folder, 'ban.html')
    writeFileSync(banTemplatePath, '{{status}}, {{action}}: {{address}}')
    const { enter } = await run({ banTemplatePath, invalidAddressAction: 'ban' })
    const bodyFor = (request: PlainRequest) => enter(request).answer?.body
    expect(bodyFor({ address: '203.0.113.8', accept: 'text/html' })).toBe('403, captcha: 203.0.113.8')
    expect(bodyFor({ address: '<script>' })).toBe('403, ban: &lt;script&gt;')
    expect(bodyFor({ address: BANNED, accept: 'application/json' })).toContain('"forbidden"')
  })

  it('tells when the decision ends, where that is asked for', async () => {
    const { enter } = await run({ retryAfter: true })
    const seconds = Number(enter({ address: BANNED }).answer?.headers['retry-after'])
    expect(seconds).toBeGreaterThan(3590)
    expect(seconds).toBeLessThanOrEqual(3601)
  })
})
