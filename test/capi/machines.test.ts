/** Machines on a simulated CAPI: what each answer makes of credentials, tokens, pauses and the budget of logins. */

import { describe, expect, it } from 'vitest'
import { CapiError } from '../../src/capi/capi-error.js'
import type { MachineStorage } from '../../src/capi/machines/machine-storage.js'
import { MemoryStorage } from '../../src/signals/storage/memory-storage.js'
import { codeOf, DAY, errorOf, HOUR, MINUTE, NOW, SECOND, world } from './machine-world.js'
import { type Fault, type SeenRequest, SimulatedCapi } from './simulated-capi.js'

const never = new AbortController().signal

describe('a machine that is new', () => {
  it('is registered and logged in with the first request, and then known', async () => {
    const { capi, ask, record, machines } = world()
    expect(await ask()).toBe('OK')
    expect(capi.takeSeen()).toBe('register login ask')
    expect(await ask()).toBe('OK')
    expect(capi.takeSeen()).toBe('ask')
    expect(await record()).toMatchObject({
      api: capi.target,
      token: 'token-1',
      tokenExpiresAt: NOW + HOUR,
      standing: { state: 'active' },
      createdAt: NOW,
    })
    expect((await record()).password).toMatch(/^[\w-]{43}$/)
    expect(machines.counts).toMatchObject({ registrations: 1, relogins: 0, forbidden: 0, logins: { ok: 1 } })
  })

  it('has stored credentials before CAPI hears of it', async () => {
    const { capi, ask, record } = world()
    const stored: unknown[] = []
    capi.onRequest = async () => void stored.push((await record()).api)
    await ask()
    expect(stored).toEqual([null, null, capi.target])
  })

  it('is only stored by add, with a password of the user or of ours', async () => {
    const { capi, machines, record } = world()
    expect(await machines.add('one', 'mine')).toMatchObject({
      machineId: 'one',
      registration: 'pending',
      token: 'none',
    })
    await machines.add('two')
    expect(capi.takeSeen()).toBe('')
    expect((await record('one')).password).toBe('mine')
    expect((await machines.list()).map(({ machineId }) => machineId)).toEqual(['one', 'two'])
    expect(JSON.stringify(await machines.list())).not.toContain('mine')
  })

  it('keeps the password that works, whatever add is told later', async () => {
    const { machines, ask, record } = world()
    await machines.add('one', 'mine')
    expect(await ask()).toBe('OK')
    expect(await machines.add('one')).toMatchObject({ registration: 'confirmed' })
    expect(await machines.add('one', 'mine')).toMatchObject({ registration: 'confirmed', token: 'kept' })
    await expect(machines.add('one', 'other')).rejects.toMatchObject({ code: 'ERR_CSB_STATE' })
    expect((await record()).password).toBe('mine')
    await machines.remove('one')
    await machines.add('one', 'other')
    expect((await record()).password).toBe('other')
  })

  it('may be one that CAPI knows from elsewhere, by its password', async () => {
    const { capi, machines, ask, record } = world()
    capi.own('one', 'from a file')
    await machines.add('one', 'from a file')
    expect(await ask()).toBe('OK')
    expect(capi.takeSeen()).toBe('register login ask')
    expect((await record()).api).toBe(capi.target)
  })

  it('gets one set of credentials from two processes that add it at once', async () => {
    const { capi, start, ask, record, machines } = world()
    const other = start()
    expect(await Promise.all([ask('one', machines), ask('one', other)])).toEqual(['OK', 'OK'])
    expect(capi.passwords.get('one')?.size).toBe(1)
    expect([...(capi.passwords.get('one') ?? [])]).toEqual([(await record()).password])
  })
})

describe('an answer to a registration that is lost', () => {
  it.each(['lost', 'late', 'html', 500, 503] as const)(
    '(%s) loses nothing: the same password is tried again',
    async (fault) => {
      const { capi, ask, pass, record } = world()
      capi.faults.push(fault)
      expect(await ask()).not.toBe('OK')
      const { password } = await record()
      expect(await record()).toMatchObject({ api: null, standing: { state: 'backing off', failures: 1 } })
      pass(2 * SECOND)
      expect(await ask()).toBe('OK')
      expect(capi.passwords.get('one')).toEqual(new Set([password]))
      expect(await record()).toMatchObject({ password, api: capi.target })
    },
  )

  it('is not taken for an id of somebody else when the login then fails for another reason', async () => {
    const { capi, ask, pass, record } = world()
    capi.faults.push('late')
    await ask()
    pass(HOUR)
    capi.faults.push('none', 500)
    expect(await ask()).toBe('CAPI_STATUS')
    pass(HOUR)
    expect(await ask()).toBe('OK')
    expect((await record()).api).toBe(capi.target)
  })

  it.each([
    ['register', 'lost'],
    ['register', 'late'],
    ['login', 'late'],
    ['login', 'none'],
  ] as const)('loses nothing in a process that ends at the %s (%s)', async (kind, fault) => {
    const memory = new MemoryStorage().machines
    let isGone = false
    // Whatever the process would have written after its end is not written.
    const storage: MachineStorage = new Proxy(memory, {
      get: (target, name: keyof MachineStorage) =>
        isGone ? () => Promise.reject(new Error('the process is gone')) : target[name].bind(target),
    })
    const { capi, ask, start, pass, record } = world({ storage })
    capi.onRequest = (request) => {
      if (request.kind === kind) isGone = true
    }
    if (kind === 'login') capi.faults.push('none')
    capi.faults.push(fault)
    expect(await ask()).not.toBe('OK')
    capi.onRequest = () => {}
    isGone = false
    const { password } = await record()
    pass(HOUR)
    const heir = start()
    expect(await ask('one', heir)).toBe('OK')
    expect(await record()).toMatchObject({ password, api: capi.target })
  })
})

describe('an id that somebody else has registered', () => {
  it.each([
    [401, 'at once'],
    [403, 'when it is refused again, right after the login of another one'],
  ] as const)('is blocked until somebody looks at it; on %i %s', async (status, _when) => {
    const { capi, ask, pass, machines, record, lines } = world()
    capi.own('one', 'theirs')
    const { password } = await machines.add('one').then(() => record())
    if (status === 401) capi.faults.push('none', 401)
    else {
      expect(await ask('one')).toBe('CAPI_AUTH')
      expect(await machines.standing('one')).toMatchObject({ reason: 'forbidden', pause: HOUR })
      pass(HOUR)
      expect(await ask('two')).toBe('OK')
    }
    const error = await errorOf(machines.withToken('one', never, (token) => capi.ask('one', token)))
    expect(error).toMatchObject({ code: 'ERR_CSB_CAPI_REGISTERED', status })
    expect(error.message).toContain('another machine id')
    expect(await machines.standing('one')).toMatchObject({
      state: 'blocked',
      reason: 'registered elsewhere',
      until: null,
    })
    expect(await ask('two')).toBe('OK')
    pass(30 * DAY)
    capi.takeSeen()
    const blocked = await errorOf(machines.login('one', never))
    expect(blocked).toMatchObject({ code: 'ERR_CSB_CAPI_BLOCKED', retryAfter: undefined })
    expect(capi.takeSeen()).toBe('')
    expect(await ask('two')).toBe('OK')
    expect((await record()).password).toBe(password)
    expect(`${lines.join()} ${error.message} ${blocked.message}`).not.toContain(password)
  })

  it('is not one that this process has registered itself', async () => {
    const { capi, ask, pass, machines } = world()
    capi.faults.push('none', 403)
    expect(await ask()).toBe('CAPI_AUTH')
    expect(await machines.standing('one')).toMatchObject({ reason: 'forbidden' })
    pass(HOUR)
    capi.takeSeen()
    capi.faults.push(403)
    expect(await ask()).toBe('CAPI_AUTH')
    expect(capi.takeSeen()).toBe('login')
  })

  it('is one that this process has registered and forgotten, too', async () => {
    const { capi, ask, machines } = world()
    await ask()
    await machines.remove('one')
    capi.takeSeen()
    capi.faults.push('none', 401)
    expect(await ask()).toBe('CAPI_REGISTERED')
    expect(capi.takeSeen()).toBe('register login')
    expect(await machines.standing('one')).toMatchObject({ reason: 'registered elsewhere' })
  })

  it('works under another id, and after it was removed and added with the right password', async () => {
    const { capi, ask, pass, machines } = world()
    capi.own('one', 'theirs')
    await ask()
    await machines.remove('one')
    await machines.add('one', 'theirs')
    pass(HOUR)
    expect(await ask()).toBe('OK')
    expect(await ask('another')).toBe('OK')
  })
})

describe('a token', () => {
  it.each([
    // left of its life, offset, what goes out
    [11_000, 10_000, 'ask'],
    [10_001, 10_000, 'ask'],
    [10_000, 10_000, 'login ask'],
    [9999, 10_000, 'login ask'],
    [1, 10_000, 'login ask'],
    [0, 10_000, 'login ask'],
    [-1, 10_000, 'login ask'],
    [-9000, 10_000, 'login ask'], // the Python SDK uses it
    [-11_000, 10_000, 'login ask'],
    [1, 0, 'ask'],
    [0, 0, 'login ask'],
    [60_001, 60_000, 'ask'],
    [60_000, 60_000, 'login ask'],
    [10_001, undefined, 'ask'],
    [10_000, undefined, 'login ask'],
  ])('with %i ms left and an offset of %s ms: %s', async (left, latencyOffset, expected) => {
    const { capi, ask, storage, now } = world(latencyOffset === undefined ? {} : { latencyOffset })
    await ask()
    await storage.update('one', { tokenExpiresAt: now() + left })
    capi.takeSeen()
    expect(await ask()).toBe('OK')
    expect(capi.takeSeen()).toBe(expected)
  })

  it('outlives a restart', async () => {
    const { capi, ask, start } = world()
    await ask()
    capi.takeSeen()
    expect(await ask('one', start())).toBe('OK')
    expect(capi.takeSeen()).toBe('ask')
  })

  it('that does not say how long it lives is used until CAPI refuses it', async () => {
    const { capi, ask, pass, machines } = world()
    capi.tokenLife = null
    await ask()
    pass(300 * DAY)
    capi.takeSeen()
    expect(await ask()).toBe('OK')
    capi.revoke('one')
    expect(await ask()).toBe('OK')
    expect(capi.takeSeen()).toBe('ask ask login ask')
    expect(machines.counts.relogins).toBe(1)
  })

  it('that never lives longer than the offset is used until CAPI refuses it', async () => {
    const { capi, ask, pass } = world({ latencyOffset: 10_000 })
    capi.tokenLife = 10_000
    for (let i = 0; i < 3; i++) await ask()
    expect(capi.takeSeen()).toBe('register login ask ask ask')
    pass(10_000)
    expect(await ask()).toBe('OK')
    expect(capi.takeSeen()).toBe('ask login ask')
  })

  it.each([
    ['a fraction of a millisecond', HOUR + 0.75, NOW + HOUR],
    ['ten years', 3650 * DAY, NOW + 3650 * DAY],
    ['eleven years', 11 * 365 * DAY, null],
    ['millions of years', 1e300, null],
  ])('that lives for %s is kept until then, or until it is refused', async (_name, life, expiresAt) => {
    const { capi, ask, record } = world()
    capi.tokenLife = life
    await ask()
    expect((await record()).tokenExpiresAt).toBe(expiresAt)
  })

  it('that is over when it comes, by a clock that is wrong, is used until CAPI refuses it', async () => {
    const { capi, ask, setClock, pass } = world()
    setClock(DAY)
    for (let i = 0; i < 50; i++) expect(await ask()).toBe('OK')
    expect(capi.seen.filter(({ kind }) => kind === 'login')).toHaveLength(1)
    pass(HOUR)
    capi.takeSeen()
    expect(await ask()).toBe('OK')
    expect(capi.takeSeen()).toBe('ask login ask')
  })

  it.each([
    [['b', 'a'], 'ask'],
    [['a', 'b', 'a', 'b'], 'ask'],
    [['a'], 'login ask'],
    [['a', 'b', 'c'], 'login ask'],
    [['a', 'B'], 'login ask'],
    [[], 'login ask'],
  ])('given for a and b, with scenarios %j: %s', async (scenarios, expected) => {
    const { capi, ask, start } = world({ scenarios: ['a', 'b'] })
    await ask()
    const other = start({ scenarios })
    capi.takeSeen()
    expect(await ask('one', other)).toBe('OK')
    expect(capi.takeSeen()).toBe(expected)
    expect(await ask('one', other)).toBe('OK')
    expect(capi.takeSeen()).toBe('ask')
  })

  it('is asked for with the scenarios in order and once each', async () => {
    const { capi, ask } = world({ scenarios: ['b', 'a', 'b'] })
    await ask()
    expect(capi.seen.find(({ kind }) => kind === 'login')?.scenarios).toEqual(['a', 'b'])
  })

  it('is asked for once, however many requests wait for it', async () => {
    const { capi, ask } = world()
    expect(new Set(await Promise.all(Array.from({ length: 20 }, () => ask())))).toEqual(new Set(['OK']))
    expect(capi.seen.filter(({ kind }) => kind !== 'ask').map(({ kind }) => kind)).toEqual(['register', 'login'])
  })

  it('is renewed once, however many requests find it revoked', async () => {
    const { capi, ask, machines } = world()
    await ask()
    capi.revoke('one')
    capi.takeSeen()
    expect(new Set(await Promise.all(Array.from({ length: 20 }, () => ask())))).toEqual(new Set(['OK']))
    expect(capi.seen.filter(({ kind }) => kind === 'login')).toHaveLength(1)
    expect(machines.counts.logins.ok).toBe(2)
  })

  it('that another process has renewed meanwhile is used without a login', async () => {
    const { capi, start, ask } = world()
    await ask()
    const other = start()
    capi.revoke('one')
    capi.takeSeen()
    expect(await ask('one', other)).toBe('OK')
    expect(await ask()).toBe('OK')
    expect(capi.takeSeen()).toBe('ask login ask ask')
  })

  it('that is refused twice makes the machine pause, and is dropped once', async () => {
    const { capi, ask, pass, record, machines } = world()
    await ask()
    capi.takeSeen()
    capi.faults.push(401, 'none', 401)
    expect(await ask()).toBe('CAPI_AUTH')
    expect(capi.takeSeen()).toBe('ask login ask')
    expect(await machines.standing('one')).toMatchObject({ state: 'backing off', failures: 1 })
    expect(await ask()).toBe('CAPI_BLOCKED')
    expect((await record()).token).toBe('token-2')
    pass(SECOND)
    expect(await ask()).toBe('OK')
    expect(capi.takeSeen()).toBe('ask')
  })

  it('is waited for no longer than its caller likes, while the login goes on for others', async () => {
    const { capi, machines, ask } = world()
    let open = () => {}
    capi.gate = new Promise((resolve) => {
      open = resolve
    })
    const caller = new AbortController()
    const given = machines.withToken('one', caller.signal, async () => 'never')
    const other = ask()
    caller.abort(new Error('enough'))
    await expect(given).rejects.toThrow('enough')
    open()
    expect(await other).toBe('OK')
    expect(capi.takeSeen()).toBe('register login ask')
    expect(await machines.standing('one')).toEqual({ state: 'active' })
  })
})

/** Capi-sdk, section 3.1: what an answer at each step leads to. Requests: those of the failing call. */
const outcomes: readonly [step: string, fault: Fault, code: string, state: string, requests: string][] = [
  ['register', 400, 'CAPI_STATUS', 'refused', 'register'],
  ['register', 401, 'CAPI_AUTH', 'forbidden', 'register'],
  ['register', 403, 'CAPI_AUTH', 'forbidden', 'register'],
  ['register', 404, 'CAPI_STATUS', 'backing off', 'register'],
  ['register', 301, 'CAPI_STATUS', 'backing off', 'register'],
  ['register', 429, 'CAPI_STATUS', 'backing off', 'register'],
  ['register', 500, 'CAPI_STATUS', 'backing off', 'register'],
  ['register', 'lost', 'ERR_CSB_CONNECTION_LOST', 'backing off', 'register'],
  ['register', 'late', 'ERR_CSB_TIMEOUT', 'backing off', 'register'],
  ['register', 'html', 'ERR_CSB_CAPI_BODY', 'backing off', 'register'],
  ['login', 400, 'CAPI_STATUS', 'refused', 'register login'],
  ['login', 401, 'CAPI_AUTH', 'forbidden', 'register login'],
  ['login', 403, 'CAPI_AUTH', 'forbidden', 'register login'],
  ['login', 404, 'CAPI_STATUS', 'backing off', 'register login'],
  ['login', 302, 'CAPI_STATUS', 'backing off', 'register login'],
  ['login', 429, 'CAPI_STATUS', 'backing off', 'register login'],
  ['login', 500, 'CAPI_STATUS', 'backing off', 'register login'],
  ['login', 503, 'CAPI_STATUS', 'backing off', 'register login'],
  ['login', 'lost', 'ERR_CSB_CONNECTION_LOST', 'backing off', 'register login'],
  ['login', 'late', 'ERR_CSB_TIMEOUT', 'backing off', 'register login'],
  ['login', 'html', 'ERR_CSB_CAPI_BODY', 'backing off', 'register login'], // also: no token, or null
  ['request', 400, 'CAPI_STATUS', 'active', 'register login ask'],
  ['request', 404, 'CAPI_STATUS', 'active', 'register login ask'],
  ['request', 413, 'CAPI_STATUS', 'active', 'register login ask'],
  ['request', 422, 'CAPI_STATUS', 'active', 'register login ask'],
  ['request', 301, 'CAPI_STATUS', 'backing off', 'register login ask'],
  ['request', 408, 'CAPI_STATUS', 'backing off', 'register login ask'],
  ['request', 425, 'CAPI_STATUS', 'backing off', 'register login ask'],
  ['request', 401, 'OK', 'active', 'register login ask login ask'],
  ['request', 403, 'CAPI_AUTH', 'forbidden', 'register login ask'],
  ['request', 429, 'CAPI_STATUS', 'backing off', 'register login ask'],
  ['request', 500, 'CAPI_STATUS', 'backing off', 'register login ask'],
  ['request', 502, 'CAPI_STATUS', 'backing off', 'register login ask'],
  ['request', 503, 'CAPI_STATUS', 'backing off', 'register login ask'],
  ['request', 'nobody', 'ERR_CSB_CONNECT', 'backing off', 'register login ask'],
  ['request', 'tls', 'ERR_CSB_TLS', 'backing off', 'register login ask'],
  ['request', 'lost', 'ERR_CSB_CONNECTION_LOST', 'backing off', 'register login ask'],
  ['request', 'late', 'ERR_CSB_TIMEOUT', 'backing off', 'register login ask'],
  ['request', 'html', 'ERR_CSB_CAPI_BODY', 'backing off', 'register login ask'],
]

describe('the outcome', () => {
  it.each(outcomes)('of %s: %j is %s, the machine %s, after %s', async (step, fault, code, state, requests) => {
    const { capi, ask, pass, machines } = world()
    if (step !== 'register') capi.faults.push('none')
    if (step === 'request') capi.faults.push('none')
    capi.faults.push(fault)
    expect((await ask()).replace(/^ERR_CSB_/, '')).toBe(code.replace(/^ERR_CSB_/, ''))
    expect(capi.takeSeen()).toBe(requests)
    const standing = await machines.standing('one')
    expect(standing?.state === 'blocked' ? standing.reason : standing?.state).toBe(state)
    const isRefused = state === 'refused' || state === 'forbidden'
    const login = isRefused ? { refused: 1, failed: 0 } : { refused: 0, failed: 1 }
    if (step === 'login') expect(machines.counts.logins).toEqual({ ok: 0, ...login, 'over budget': 0 })
    if (state === 'active') {
      expect(await ask()).toBe('OK')
      return
    }
    // No request goes out while it pauses; others only pause after a 401 or 403.
    expect(await ask()).toBe('CAPI_BLOCKED')
    expect(capi.takeSeen()).toBe('')
    expect(await ask('two')).toBe(state === 'forbidden' ? 'CAPI_BLOCKED' : 'OK')
    // What may go away by itself is tried again by itself.
    pass(HOUR)
    expect(await ask()).toBe(state === 'refused' ? 'CAPI_BLOCKED' : 'OK')
    await machines.unblock()
    expect(await ask()).toBe('OK')
    expect(await machines.standing('one')).toEqual({ state: 'active' })
  })

  it('of an error that is the caller’s own is nothing', async () => {
    const { machines } = world()
    const failing = machines.withToken('one', never, async () => {
      throw new TypeError('a fault of the caller')
    })
    await expect(failing).rejects.toThrow(TypeError)
    expect(await machines.standing('one')).toEqual({ state: 'active' })
  })

  it.each(['at once', 'after a new login'])('of a request that is given up %s is nothing', async (when) => {
    const { machines } = world()
    const caller = new AbortController()
    let isFirst = when !== 'at once'
    const given = machines.withToken('one', caller.signal, async () => {
      if (isFirst) {
        isFirst = false
        throw new CapiError('ERR_CSB_CAPI_AUTH', 'no', { status: 401 })
      }
      caller.abort()
      throw new CapiError('ERR_CSB_CAPI_STATUS', 'came too late', { status: 500 })
    })
    await expect(given).rejects.toThrow('came too late')
    expect(await machines.standing('one')).toEqual({ state: 'active' })
    await expect(machines.login('one', caller.signal)).rejects.toBe(caller.signal.reason)
  })

  it('stands, although it cannot be stored', async () => {
    const memory = new MemoryStorage().machines
    let isFull = true
    const storage: MachineStorage = new Proxy(memory, {
      get: (target, name: keyof MachineStorage) =>
        isFull && (name === 'update' || name === 'setBreaker')
          ? () => Promise.reject(new Error('disk full'))
          : target[name].bind(target),
    })
    const { machines, capi, lines, now } = world({ storage })
    await memory.add({
      machineId: 'one',
      password: 'x',
      isGiven: false,
      api: capi.target,
      token: 't',
      tokenExpiresAt: null,
      scenarios: ['crowdsecurity/http-probing', 'crowdsecurity/ssh-bf'],
      standing: { state: 'backing off', until: now(), pause: 1000, failures: 3, message: 'before' },
      createdAt: NOW,
    })
    expect(await machines.withToken('one', never, async () => 'taken')).toBe('taken')
    expect(lines.join()).toContain('disk full')
    const error = errorOf(
      machines.withToken('one', never, async () => {
        throw new CapiError('ERR_CSB_CAPI_AUTH', 'no', { status: 403 })
      }),
    )
    expect(await error).toMatchObject({ code: 'ERR_CSB_CAPI_AUTH' })
    expect(capi.takeSeen()).toBe('')
    isFull = false
    await machines.withToken('one', never, async () => 'taken')
    expect(await machines.standing('one')).toEqual({ state: 'active' })
  })
})

describe('a machine that another CAPI has confirmed', () => {
  function twoCapis() {
    const first = world()
    const other = new SimulatedCapi(first.now)
    other.target = 'http://capi.test/another/'
    return { ...first, other, there: first.start({ api: other }) }
  }

  it('is not asked for: neither its token nor its password goes there, and nothing is held against it', async () => {
    const { ask, other, there, lines, record, capi } = twoCapis()
    expect(await ask()).toBe('OK')
    const before = await record()
    const refused = await there.withToken('one', never, () => Promise.reject(new Error('asked'))).catch((e) => e)
    expect([refused.code, refused.message]).toEqual([
      'ERR_CSB_CONFIG',
      expect.stringMatching(/^Machine one is registered with http:\/\/capi\.test\/v3\/, and \S+another\/ is asked: /),
    ])
    await expect(there.add('one')).rejects.toMatchObject({ code: 'ERR_CSB_CONFIG' })
    expect(other.seen).toEqual([])
    expect(await record()).toEqual(before)
    expect(lines.join()).not.toMatch(/pause|blocked/)
    capi.takeSeen()
    expect(await ask()).toBe('OK')
    expect(capi.takeSeen()).toBe('ask')
  })

  it.each([
    ['another way to the same one, which knows it', true],
    ['one that does not know it yet', false],
  ])('goes there for who knows its password: %s', async (_name, isKnown) => {
    const { ask, other, there, record } = twoCapis()
    expect(await ask()).toBe('OK')
    const { password } = await record()
    if (isKnown) other.own('one', password)
    await expect(there.add('one', `${password}x`)).rejects.toMatchObject({ code: 'ERR_CSB_STATE' })
    expect(await there.add('one', password)).toMatchObject({ registration: 'pending', api: null, token: 'none' })
    await there.login('one', never)
    expect(other.takeSeen()).toBe('register login')
    expect(await there.list()).toMatchObject([{ api: other.target, token: 'kept' }])
    expect(await ask()).toBe('ERR_CSB_CONFIG')
  })
})

describe('what is logged', () => {
  function heard() {
    const lines: string[] = []
    const at = (level: string) => (message: string) => void lines.push(`${level} ${message}`)
    const logger = { debug() {}, info: at('info'), warn: at('warn'), error: at('error') }
    return { ...world({ logger }), lines }
  }

  it('one trouble that goes on is told once, and that it is over', async () => {
    const { ask, capi, pass, lines } = heard()
    capi.faults.push(...Array(5).fill(503))
    for (let tries = 0; tries < 5; tries++) {
      expect(await ask()).toBe('CAPI_STATUS')
      pass(HOUR)
    }
    expect(await ask()).toBe('OK')
    expect(lines).toEqual([
      expect.stringMatching(/^warn Machine one pauses for .* 503/),
      'info Machine one is active again',
    ])
  })

  it('a 403 is one line, and names the machine', async () => {
    const { ask, capi, lines } = heard()
    capi.faults.push(403)
    expect(await ask()).toBe('CAPI_AUTH')
    expect(lines).toEqual([
      expect.stringMatching(
        /^error All requests to CAPI pause until 2026-11-22T01:00:00.000Z, because machine one was refused: .*403/,
      ),
    ])
  })

  it('a repetition is known by its reason, whatever times the message tells', async () => {
    const { machines, capi, pass, now } = heard()
    const failed = (signal = never) => machines.withToken('one', signal, async () => {}).catch((error) => error)
    capi.faults.push(503)
    const first = await failed()
    const paused = await failed()
    pass(500)
    expect(first.reason).toBe(first.message)
    expect([paused.code, paused.reason]).toEqual(['ERR_CSB_CAPI_BLOCKED', first.message])
    expect(paused.message).toContain(new Date(now() + 500).toISOString())
  })
})

describe('backing off', () => {
  it('doubles from a second to a quarter of an hour, and starts over after a success', async () => {
    const { capi, ask, pass, machines } = world()
    await ask()
    const pauses: number[] = []
    for (let i = 0; i < 13; i++) {
      capi.faults.push(500)
      await ask()
      const standing = await machines.standing('one')
      if (standing?.state !== 'backing off') throw new Error('expected a pause')
      pauses.push(standing.pause / SECOND)
      pass(standing.pause - 1)
      expect(await ask()).toBe('CAPI_BLOCKED')
      pass(1)
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900])
    expect(await ask()).toBe('OK')
    expect(await machines.standing('one')).toEqual({ state: 'active' })
    capi.faults.push(500)
    await ask()
    expect(await machines.standing('one')).toMatchObject({ pause: SECOND, failures: 1 })
  })

  it.each([
    [0.25, 250],
    [0.0625, 63],
    [0, 1],
  ])('has full jitter, of whole milliseconds: %f is %i ms', async (chance, pause) => {
    const { capi, ask, machines } = world({ random: () => chance })
    capi.faults.push(500)
    await ask()
    expect(await machines.standing('one')).toMatchObject({ pause })
  })

  it('lasts as long as the first pause is told to, be that more than a quarter of an hour', async () => {
    const { capi, ask, pass, machines } = world({ firstPause: HOUR })
    for (let i = 0; i < 3; i++) {
      capi.faults.push(500)
      await ask()
      expect(await machines.standing('one')).toMatchObject({ pause: HOUR })
      pass(HOUR)
    }
  })

  it.each([429, 503, 500])('waits at least as long as CAPI asks for (%i)', async (status) => {
    const { capi, ask, pass, machines, start } = world()
    await ask()
    capi.faults.push({ status, retryAfter: 2 * HOUR })
    await ask()
    capi.takeSeen()
    pass(2 * HOUR - 1)
    const error = await errorOf(start().login('one', never)) // a restart does not hammer
    expect(error).toMatchObject({ code: 'ERR_CSB_CAPI_BLOCKED', retryAfter: 1 })
    expect(error.message).toContain(new Date(NOW + 2 * HOUR).toISOString())
    expect(capi.takeSeen()).toBe('')
    pass(1)
    expect(await ask()).toBe('OK')
    expect(await machines.standing('one')).toEqual({ state: 'active' })
  })

  it('counts requests that fail together as one', async () => {
    const { capi, ask, machines } = world()
    await ask()
    capi.faults.push(...Array.from({ length: 10 }, () => 500))
    await Promise.all(Array.from({ length: 10 }, () => ask()))
    expect(await machines.standing('one')).toMatchObject({ failures: 1, pause: SECOND })
  })

  it('goes on over logins that work while requests do not', async () => {
    const { capi, ask, pass, machines } = world()
    for (let i = 0; i < 5; i++) {
      capi.tokenLife = 1
      if (i === 0) capi.faults.push('none')
      capi.faults.push('none', 500)
      await ask()
      pass(HOUR)
    }
    expect(await machines.standing('one')).toMatchObject({ failures: 5 })
  })
})

describe('a 403', () => {
  it('stops all machines of the storage for an hour, in all processes', async () => {
    const { capi, ask, pass, machines, start } = world()
    const other = start()
    await ask('one')
    await ask('two')
    capi.faults.push(403)
    expect(await ask('one')).toBe('CAPI_AUTH')
    capi.takeSeen()
    pass(HOUR - 1)
    for (const by of [machines, other, start()]) {
      for (const machineId of ['one', 'two', 'three']) expect(await ask(machineId, by)).toBe('CAPI_BLOCKED')
    }
    expect(capi.takeSeen()).toBe('')
    expect(await errorOf(other.login('two', never))).toMatchObject({ retryAfter: 1 })
    expect(await machines.breaker()).toMatchObject({ until: NOW + HOUR, pause: HOUR })
    expect(await machines.standing('one')).toMatchObject({ state: 'blocked', reason: 'forbidden', until: NOW + HOUR })
    pass(1)
    expect(await machines.breaker()).toBeNull()
    expect(await ask('two')).toBe('OK')
    expect(await ask('one')).toBe('OK')
    expect(await machines.standing('one')).toEqual({ state: 'active' })
    expect(machines.counts.forbidden).toBe(1)
  })

  it('is followed by one probe, of one machine; the others wait for what comes of it', async () => {
    const { capi, ask, pass, start, machines } = world()
    const other = start()
    capi.tokenLife = null
    for (const id of ['one', 'two', 'three']) await ask(id)
    capi.faults.push(403)
    await ask('one')
    pass(HOUR)
    capi.takeSeen()
    let open = () => {}
    capi.gate = new Promise((resolve) => {
      open = resolve
    })
    const isAsked = new Promise<void>((resolve) => {
      capi.onRequest = () => resolve()
    })
    const probe = ask('two')
    await isAsked
    pass(MINUTE - 1)
    const rest = [ask('one'), ask('three'), ask('two'), ask('one', other), ask('three', start())]
    expect(await Promise.all(rest)).toEqual(Array.from(rest, () => 'CAPI_BLOCKED'))
    expect(capi.takeSeen()).toBe('ask')
    capi.faults.push(403)
    open()
    expect(await probe).toBe('CAPI_AUTH')
    expect(await ask('three')).toBe('CAPI_BLOCKED')
    expect(capi.takeSeen()).toBe('')
    expect(machines.counts.forbidden).toBe(2)
  })

  it.each([
    ['trouble', 500],
    ['a refusal of what is sent', 400],
  ] as const)('is followed by another probe where the first ends in %s', async (_name, status) => {
    const { capi, ask, pass, machines, storage } = world()
    capi.tokenLife = null
    await ask('one')
    await ask('two')
    capi.faults.push(403)
    await ask('one')
    pass(HOUR)
    capi.faults.push(status)
    expect(await ask('two')).toBe('CAPI_STATUS')
    expect((await storage.breaker()) === null).toBe(status === 400)
    expect(await ask('one')).toBe('OK')
    expect(await storage.breaker()).toBeNull()
    expect(await machines.breaker()).toBeNull()
  })

  it('lets another probe go where the first one’s process has ended', async () => {
    const { capi, ask, pass, storage, start } = world()
    await ask('one')
    capi.faults.push(403)
    await ask('one')
    pass(HOUR)
    await ask('two')
    const tripped = { until: NOW + 2 * HOUR, pause: 60 * SECOND, message: 'probing' }
    await storage.setBreaker(tripped)
    pass(HOUR - 1)
    expect(await ask('two', start())).toBe('CAPI_BLOCKED')
    pass(1)
    expect(await ask('two', start())).toBe('OK')
  })

  it('that only one machine gets stops the others once, and not each time that it is tried', async () => {
    const { capi, ask, pass, machines } = world()
    await machines.add('good')
    expect(await ask('good')).toBe('OK')
    await ask('bad')
    capi.own('bad', 'changed elsewhere')
    let stopped = 0
    let hours = 0
    for (; hours < 48; hours++) {
      await ask('bad')
      if ((await ask('good')) !== 'OK') stopped++
      pass(HOUR)
    }
    expect(await machines.standing('bad')).toMatchObject({ state: 'blocked', reason: 'forbidden', pause: 4 * HOUR })
    expect(stopped).toBeLessThanOrEqual(2)
    expect(capi.seen.filter(({ kind, machineId }) => kind === 'login' && machineId === 'bad').length).toBeLessThan(17)
  })

  it('to a machine that met it before stops all again, unless CAPI has answered another one since', async () => {
    const { capi, ask, pass, machines } = world()
    await ask('one')
    await ask('two')
    const refused = async () => {
      capi.faults.push(403)
      expect(await ask('one')).toBe('CAPI_AUTH')
    }
    await refused()
    pass(HOUR + 10 * MINUTE)
    await refused()
    expect(await ask('two')).toBe('CAPI_BLOCKED')
    pass(2 * HOUR)
    expect(await ask('two')).toBe('OK')
    await refused()
    expect(await ask('two')).toBe('OK')
    expect(machines.counts.forbidden).toBe(3)
  })

  it('leaves no probe behind that a storage which fails has kept from going', async () => {
    const memory = new MemoryStorage().machines
    let isFull = false
    const storage: MachineStorage = new Proxy(memory, {
      get: (target, name: keyof MachineStorage) =>
        isFull && name === 'setBreaker' ? () => Promise.reject(new Error('disk full')) : target[name].bind(target),
    })
    const { capi, ask, pass, machines } = world({ storage })
    await ask('one')
    capi.faults.push(403)
    await ask('one')
    pass(HOUR)
    isFull = true
    await expect(machines.login('one', never)).rejects.toThrow('disk full')
    isFull = false
    expect(await ask('one')).toBe('OK')
  })

  it('to an enrollment with a wrong key blocks nothing', async () => {
    const { machines, ask, capi } = world()
    const request = { attachmentKey: 'bad', name: 'x', tags: [], overwrite: false }
    expect(await errorOf(machines.enroll('one', request, never))).toMatchObject({
      code: 'ERR_CSB_CAPI_ENROLL',
      status: 403,
    })
    expect(await machines.breaker()).toBeNull()
    expect(await machines.standing('one')).toEqual({ state: 'active' })
    expect(await ask('two')).toBe('OK')
    expect(await machines.enroll('one', { ...request, attachmentKey: 'good' }, never)).toBe('accepted')
    expect(capi.takeSeen()).toBe('register login enroll register login ask enroll')
    expect(machines.counts.forbidden).toBe(0)
  })

  it('is forgotten when somebody says so', async () => {
    const { capi, ask, machines } = world()
    await ask('one')
    await ask('two')
    capi.faults.push(403)
    await ask('one')
    expect(await machines.unblock('two')).toBe(0)
    expect(await ask('one')).toBe('CAPI_BLOCKED')
    expect(await ask('two')).toBe('OK')
    expect(await machines.unblock('one')).toBe(1)
    expect(await ask('one')).toBe('OK')
    expect(await machines.standing('one')).toEqual({ state: 'active' })
  })
})

describe('the budget of logins', () => {
  it('is 18 in 50 minutes, over all machines; what exceeds it asks nothing', async () => {
    const { capi, ask, pass, machines } = world()
    const ids = Array.from({ length: 25 }, (_, i) => `m${i}`)
    const answers: string[] = []
    for (const id of ids) answers.push(await ask(id))
    expect(answers.filter((answer) => answer === 'OK')).toHaveLength(18)
    expect(answers.filter((answer) => answer === 'CAPI_BUDGET')).toHaveLength(7)
    expect(capi.seen).toHaveLength(54)
    const error = await errorOf(machines.login('m20', never))
    expect(error).toMatchObject({ code: 'ERR_CSB_CAPI_BUDGET', retryAfter: 51 * MINUTE })
    expect(error.message).toContain('in 51 min')
    expect(await machines.standing('m20')).toEqual({ state: 'active' })
    expect(machines.counts.logins).toEqual({ ok: 18, refused: 0, failed: 0, 'over budget': 8 })
    expect(await ask('m0')).toBe('OK') // with the token that it has
    pass(51 * MINUTE - 1)
    expect(await ask('m20')).toBe('CAPI_BUDGET')
    pass(1)
    for (const id of ids.slice(18)) expect(await ask(id)).toBe('OK')
  })

  it('is shared by processes, and outlives a restart', async () => {
    const { capi, ask, start } = world({ loginBudget: 4 })
    const processes = [start(), start(), start()]
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) => ask(`m${i}`, processes[i % processes.length])),
    )
    expect(answers.filter((answer) => answer === 'OK')).toHaveLength(4)
    expect(await ask('late', start())).toBe('CAPI_BUDGET')
    expect(capi.seen.filter(({ kind }) => kind === 'login')).toHaveLength(4)
  })

  it('that others have used up is asked for once, and then nothing is asked until one is free', async () => {
    const { capi, ask, start, pass } = world({ loginBudget: 2 })
    await ask('one')
    pass(10 * MINUTE)
    await ask('two')
    const other = start()
    await ask('three', other)
    capi.takeSeen()
    expect(await ask('four', other)).toBe('CAPI_BUDGET')
    expect(await errorOf(other.login('five', never))).toMatchObject({ retryAfter: 41 * MINUTE })
    expect(capi.takeSeen()).toBe('')
    pass(41 * MINUTE)
    expect(await ask('four', other)).toBe('OK')
  })

  it('is not used up by a storage that fails', async () => {
    const memory = new MemoryStorage().machines
    let fails = true
    const storage: MachineStorage = new Proxy(memory, {
      get: (target, name: keyof MachineStorage) =>
        fails && name === 'takeLogin' ? () => Promise.reject(new Error('locked')) : target[name].bind(target),
    })
    const { ask, machines } = world({ storage })
    for (let i = 0; i < 30; i++) await expect(machines.login('one', never)).rejects.toThrow('locked')
    expect(machines.counts.logins['over budget']).toBe(0)
    fails = false
    expect(await ask('one')).toBe('OK')
  })
})

describe('requests that overlap', () => {
  /** `pass` waits there for `release`; `arrived`: somebody waits. */
  function gate() {
    let release = () => {}
    let arrive = () => {}
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve
    })
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    const pass = () => {
      arrive()
      return released
    }
    return { arrived, pass, release: () => release() }
  }

  /** Holds back the answers to what `which` chooses. */
  function hold(capi: SimulatedCapi, which: (request: SeenRequest) => boolean) {
    const { arrived, pass, release } = gate()
    capi.onRequest = (request) => (which(request) ? pass() : undefined)
    return { arrived, release }
  }

  it('with a refusal are not followed by another request', async () => {
    const { capi, ask } = world()
    await ask('two')
    const { arrived, release } = hold(capi, ({ kind, machineId }) => kind === 'login' && machineId === 'one')
    const late = ask('one')
    await arrived
    capi.faults.push(403)
    expect(await ask('two')).toBe('CAPI_AUTH')
    capi.takeSeen()
    release()
    expect(await late).toBe('CAPI_BLOCKED')
    expect(capi.takeSeen()).toBe('')
  })

  it('with a refusal are not followed by another login', async () => {
    const { capi, ask } = world()
    await ask('one')
    await ask('two')
    const { arrived, release } = hold(capi, ({ machineId }) => machineId === 'one')
    const late = ask('one')
    await arrived
    capi.faults.push(403)
    expect(await ask('two')).toBe('CAPI_AUTH')
    capi.revoke('one')
    capi.takeSeen()
    release()
    expect(await late).toBe('CAPI_BLOCKED')
    expect(capi.takeSeen()).toBe('')
  })

  it('with a login elsewhere do not drop its token', async () => {
    const { capi, ask, start, record } = world()
    await ask()
    const other = start()
    let isFirst = true
    const { arrived, release } = hold(capi, () => isFirst)
    const late = ask()
    await arrived
    isFirst = false
    capi.revoke('one')
    expect(await ask('one', other)).toBe('OK')
    capi.takeSeen()
    release()
    expect(await late).toBe('OK')
    expect(capi.takeSeen()).toBe('ask')
    expect((await record()).token).toBe('token-2')
  })

  it('with a login that ends between a look at the storage and the next one use its token', async () => {
    const memory = new MemoryStorage().machines
    let looks = 0
    const { arrived, pass, release } = gate()
    const storage: MachineStorage = new Proxy(memory, {
      get: (target, name: keyof MachineStorage) =>
        name !== 'get'
          ? target[name].bind(target)
          : async (machineId: string) => {
              const record = await target.get(machineId)
              if (++looks === 2) await pass()
              return record
            },
    })
    const { capi, ask, start } = world({ storage })
    await ask('one', start({ storage: memory }))
    await memory.update('one', { token: null })
    const late = ask()
    await arrived
    expect(await ask('one', start({ storage: memory }))).toBe('OK')
    capi.takeSeen()
    release()
    expect(await late).toBe('OK')
    expect(capi.takeSeen()).toBe('ask')
  })

  it('make one probe', async () => {
    const { capi, ask, pass } = world()
    for (const id of ['one', 'two', 'three']) await ask(id)
    capi.faults.push(403)
    await ask('one')
    pass(HOUR)
    expect((await Promise.all([ask('two'), ask('three')])).sort()).toEqual(['CAPI_BLOCKED', 'OK'])
  })

  /** One request is older than the pause of all, the other one probes after it. Both are under way. */
  async function oldAndProbe() {
    const made = world()
    const { capi, ask, pass } = made
    capi.tokenLife = null
    for (const id of ['one', 'two', 'three']) await ask(id)
    const old = hold(capi, ({ machineId }) => machineId === 'two')
    const late = ask('two')
    await old.arrived
    capi.faults.push(403)
    await ask('one')
    pass(HOUR)
    const young = hold(capi, ({ machineId }) => machineId === 'three')
    const probe = ask('three')
    await young.arrived
    return { ...made, old, late, young, probe }
  }

  it('with a probe count for more than it does where they are refused', async () => {
    const { capi, machines, old, late, young, probe } = await oldAndProbe()
    capi.faults.push(403)
    old.release()
    expect(await late).toBe('CAPI_AUTH')
    young.release()
    expect(await probe).toBe('OK')
    expect(await machines.breaker()).toMatchObject({ pause: HOUR })
  })

  it.each([
    ['well', 'none', 'OK'],
    ['in trouble', 500, 'CAPI_STATUS'],
  ] as const)('with a probe and end %s leave the others waiting for it', async (_name, fault, answer) => {
    const { capi, ask, old, late, young, probe } = await oldAndProbe()
    capi.faults.push(fault)
    old.release()
    expect(await late).toBe(answer)
    expect(await ask('one')).toBe('CAPI_BLOCKED')
    young.release()
    expect(await probe).toBe('OK')
    expect(await ask('one')).toBe('OK')
  })

  it('with the end of a pause by hand do not bring it back', async () => {
    const { capi, ask, pass, start, storage } = world()
    await ask('one')
    capi.faults.push(403)
    await ask('one')
    pass(HOUR)
    const { arrived, release } = hold(capi, () => true)
    const probe = ask('one')
    await arrived
    await start().unblock()
    capi.faults.push(500)
    release()
    expect(await probe).toBe('CAPI_STATUS')
    expect(await storage.breaker()).toBeNull()
  })

  it('with the end of a pause by hand are noted before it', async () => {
    const memory = new MemoryStorage().machines
    const { arrived, pass, release } = gate()
    const storage: MachineStorage = new Proxy(memory, {
      get: (target, name: keyof MachineStorage) =>
        name !== 'update'
          ? target[name].bind(target)
          : async (...[machineId, changes]: Parameters<MachineStorage['update']>) => {
              if (changes.standing?.state === 'blocked') await pass()
              await target.update(machineId, changes)
            },
    })
    const { capi, ask, machines } = world({ storage })
    await ask()
    capi.faults.push(403)
    const late = ask()
    await arrived
    const unblocked = machines.unblock()
    release()
    expect([await late, await unblocked]).toEqual(['CAPI_AUTH', 1])
    expect(await machines.standing('one')).toEqual({ state: 'active' })
    expect(await machines.breaker()).toBeNull()
  })

  it('with one that CAPI asks to wait after do not lift the pause', async () => {
    const { capi, ask, machines } = world()
    await ask()
    let count = 0
    const second = hold(capi, () => ++count === 2)
    const rest = [ask(), ask()]
    await second.arrived
    capi.faults.push({ status: 429, retryAfter: MINUTE })
    expect(await rest[0]).toBe('CAPI_STATUS')
    second.release()
    expect(await rest[1]).toBe('OK')
    expect(await machines.standing('one')).toMatchObject({ state: 'backing off', pause: MINUTE })
  })

  it('and fail do not prolong the pause, unless CAPI asks for it', async () => {
    const { capi, ask, pass, now, machines } = world()
    await ask()
    const begun = now()
    let count = 0
    const second = hold(capi, () => ++count === 2)
    const rest = [ask(), ask()]
    await second.arrived
    capi.faults.push(500)
    await rest[0]
    pass(500)
    capi.faults.push(500)
    second.release()
    await rest[1]
    expect(await machines.standing('one')).toMatchObject({ failures: 1, until: begun + SECOND })
  })

  it.each([
    [400, 500, 'refused', null],
    [400, 403, 'refused', null],
    [403, 500, 'forbidden', HOUR],
    [403, 403, 'forbidden', HOUR],
  ])('with a login that ends in %i, and end in %i, leave the machine %s', async (status, then, reason, pause) => {
    const { capi, ask, storage, machines } = world()
    await ask()
    const { arrived, release } = hold(capi, ({ kind }) => kind === 'ask')
    const late = ask()
    await arrived
    await storage.update('one', { token: null })
    capi.faults.push(status)
    await ask()
    capi.faults.push(then)
    release()
    expect(await late).toBe(then === 500 ? 'CAPI_STATUS' : 'CAPI_AUTH')
    expect(await machines.standing('one')).toMatchObject({ state: 'blocked', reason, pause })
  })

  it('and are all asked to wait, wait for the longest', async () => {
    const { capi, ask, machines, now } = world()
    await ask()
    capi.faults.push(500, { status: 429, retryAfter: MINUTE }, 500)
    await Promise.all([ask(), ask(), ask()])
    expect(await machines.standing('one')).toMatchObject({ failures: 1, until: now() + MINUTE, pause: MINUTE })
  })
})

describe('a clock that jumps', () => {
  it.each([
    ['back', -DAY],
    ['forward', DAY],
  ])('%s a day holds no machine longer than its pause', async (_name, jump) => {
    const { capi, ask, setClock } = world()
    await ask('one')
    await ask('two')
    capi.faults.push(500)
    await ask('one')
    setClock(jump)
    expect(await ask('one')).toBe('OK')
    capi.faults.push(403)
    await ask('one')
    setClock(-jump)
    expect(await ask('two')).toBe('OK')
    expect(await ask('one')).toBe('OK')
  })

  it('by less than the pause prolongs it by no more than itself', async () => {
    const { capi, ask, setClock, pass } = world()
    await ask('one')
    capi.faults.push(403)
    await ask('one')
    pass(30 * MINUTE)
    setClock(-20 * MINUTE)
    expect(await ask('one')).toBe('CAPI_BLOCKED')
    pass(50 * MINUTE)
    expect(await ask('one')).toBe('OK')
  })

  it('makes no storm of logins', async () => {
    const { capi, ask, setClock, pass } = world()
    const ids = Array.from({ length: 10 }, (_, i) => `m${i}`)
    for (let round = 0; round < 40; round++) {
      for (const id of ids) expect(['OK', 'CAPI_BUDGET']).toContain(await ask(id))
      setClock(round % 2 === 0 ? DAY : -DAY)
      pass(SECOND)
    }
    expect(capi.seen.filter(({ kind }) => kind === 'login').length).toBeLessThanOrEqual(18)
    setClock(DAY)
    pass(51 * MINUTE)
    for (const id of ids) expect(await ask(id)).toBe('OK')
  })
})

it('gives up logins that are under way when it closes, and holds nothing against the machine', async () => {
  const { machines } = world({
    api: {
      target: 'http://capi.test/v3/',
      register: ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      login: () => Promise.reject(new Error('not asked for')),
      enroll: () => Promise.reject(new Error('not asked for')),
    },
  })
  const login = machines.login('one', never).catch(codeOf)
  await new Promise(setImmediate)
  await machines.close()
  expect(await login).toBe('ERR_CSB_STATE')
  expect(await machines.standing('one')).toEqual({ state: 'active' })
})

it('has written what came of a login when it is closed, so that the storage may close then', async () => {
  const { capi, machines, record } = world()
  let open = () => {}
  capi.gate = new Promise((resolve) => {
    open = resolve
  })
  const login = machines.login('one', never)
  await new Promise(setImmediate)
  const closing = machines.close()
  open()
  await closing
  expect((await record()).token).toBe('token-1')
  await login
})
