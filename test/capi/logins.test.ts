/** Logins that are refused, that cannot go out, and that several processes need: what each costs, and whom it holds up. */

import { describe, expect, it } from 'vitest'
import { DAY, errorOf, HOUR, MINUTE, SECOND, world } from './machine-world.js'
import { type Fault, refusal, type SimulatedCapi } from './simulated-capi.js'

const never = new AbortController().signal

/** Somebody else at this address logs in too often: for an hour all that comes from it is refused. */
async function throttle(capi: SimulatedCapi): Promise<void> {
  capi.own('somebody', 'x')
  const login = { machineId: 'somebody', password: 'x', scenarios: [], deadline: 1, signal: never }
  for (let count = 0; count < 21; count++) await capi.login(login).catch(() => {})
  capi.takeSeen()
}

describe('a 403 to the login of an id that CAPI knows', () => {
  it('is no sign of another owner where the address logs in too often', async () => {
    const { capi, machines, ask, pass } = world()
    capi.own('one', 'right')
    await machines.add('one', 'right')
    await throttle(capi)
    // So that CAPI's own answer is as if by nature, and the registration says that the id is taken.
    capi.register = async () => Promise.reject(refusal('watchers', 500, 'User already registered.'))
    expect(await ask()).toBe('CAPI_AUTH')
    expect(await machines.standing('one')).toMatchObject({ reason: 'forbidden', pause: HOUR })
    pass(HOUR)
    expect(await ask()).toBe('OK')
  })

  it('is none either after the answer to our own registration was lost', async () => {
    const { capi, machines, ask, pass } = world()
    capi.faults.push('late')
    await ask()
    pass(SECOND)
    capi.faults.push('none', 403)
    expect(await ask()).toBe('CAPI_AUTH')
    expect(await machines.standing('one')).toMatchObject({ reason: 'forbidden' })
    pass(HOUR)
    expect(await ask()).toBe('OK')
  })

  it('is none however often it comes, where no other machine shows whom it is for', async () => {
    const { capi, machines, ask, pass } = world()
    capi.own('one', 'right')
    await machines.add('one', 'right')
    for (const pause of [1, 2, 4, 4]) {
      capi.faults.push('none', 403)
      expect(await ask()).toBe('CAPI_AUTH')
      expect(await machines.standing('one')).toMatchObject({ reason: 'forbidden', pause: pause * HOUR })
      pass(pause * HOUR)
    }
    expect(await ask()).toBe('OK')
  })
})

describe('a refused registration', () => {
  const refusals = [400, 401, 403, 404, 409, 500] as const

  it.each(refusals)('(%i) of a machine whose password was given is judged by a login', async (status) => {
    const { capi, machines, ask } = world()
    capi.own('one', 'right')
    await machines.add('one', 'right')
    capi.faults.push(status)
    expect(await ask()).toBe('OK')
    expect(capi.takeSeen()).toBe('register login ask')
    expect(machines.counts).toMatchObject({ forbidden: 0, logins: { ok: 1 } })
  })

  it('of one that was taken to another way to its CAPI is, too', async () => {
    const { capi, machines, ask, storage, start, record } = world()
    await ask()
    const { password } = await record()
    await storage.update('one', { api: 'http://another.test/v3/' })
    await machines.add('one', password)
    capi.takeSeen()
    capi.faults.push(409)
    expect(await ask('one', start())).toBe('OK')
    expect(capi.takeSeen()).toBe('register login ask')
  })

  it.each([
    [400, 'CAPI_STATUS', 'refused'],
    [403, 'CAPI_AUTH', 'forbidden'],
    [500, 'CAPI_STATUS', undefined],
  ] as const)('is judged by the answer of that login: %i', async (status, code, reason) => {
    const { capi, machines, ask } = world()
    await machines.add('one', 'right')
    capi.faults.push(409, status)
    expect(await ask()).toBe(code)
    const standing = await machines.standing('one')
    expect(standing).toMatchObject(reason === undefined ? { state: 'backing off' } : { reason })
  })

  it.each(refusals)(
    '(%i) of one with a password of ours is not: nobody else can have registered that',
    async (status) => {
      const { capi, ask } = world()
      capi.faults.push(status)
      expect(await ask()).not.toBe('OK')
      expect(capi.takeSeen()).toBe('register')
    },
  )

  it.each(['lost', 'late', 'html', 'nobody', 503, 429] as const)(
    'is none where CAPI has not answered: %s',
    async (fault) => {
      const { capi, machines, ask } = world()
      await machines.add('one', 'right')
      capi.faults.push(fault)
      expect(await ask()).not.toBe('OK')
      expect(capi.takeSeen()).toBe('register')
    },
  )
})

describe('a login that never went out', () => {
  it.each([
    ['without a connection', 'nobody', 'OK'],
    ['and was lost on the way, which counts', 'lost', 'CAPI_BUDGET'],
  ] as const)('%s', async (_name, fault, then) => {
    const { capi, ask, machines, storage, start } = world()
    for (const id of ['one', 'two', 'three']) {
      await ask(id)
      await storage.update(id, { token: null })
    }
    for (let tries = 0; tries < 30; tries++) {
      capi.faults.splice(0, 99, fault)
      await ask('one')
      await machines.unblock()
    }
    capi.faults.splice(0)
    for (const by of [machines, start()]) expect(await ask('two', by)).toBe(then)
  })

  it('is free at once, also where none was left a moment before', async () => {
    const { capi, ask } = world({ loginBudget: 1 })
    capi.faults.push('none', 'nobody')
    const [first, second] = await Promise.all([ask('one'), ask('two')])
    expect([first, second].sort()).toEqual(['CAPI_BUDGET', 'ERR_CSB_CONNECT'])
    expect(await ask('three')).toBe('OK')
  })
})

describe('a token that is refused', () => {
  it('is kept until there is another one, and good again when a gateway stops to refuse all', async () => {
    const { capi, ask, machines, record } = world({ loginBudget: 2 })
    capi.tokenLife = 30 * DAY
    await ask('one')
    await ask('two')
    capi.takeSeen()
    for (const id of ['one', 'two']) {
      capi.faults.push(401)
      expect(await ask(id)).toBe('CAPI_BUDGET')
    }
    expect(capi.takeSeen()).toBe('ask ask')
    expect((await machines.list()).map(({ token }) => token)).toEqual(['kept', 'kept'])
    for (const id of ['one', 'two']) expect(await ask(id)).toBe('OK')
    expect(capi.takeSeen()).toBe('ask ask')
    expect((await record()).token).toBe('token-1')
  })

  it('is kept where the login fails, and gives way where it works', async () => {
    const { capi, ask, pass, record } = world()
    await ask()
    capi.revoke('one')
    capi.faults.push('none', 500)
    expect(await ask()).toBe('CAPI_STATUS')
    expect((await record()).token).toBe('token-1')
    pass(SECOND)
    capi.takeSeen()
    expect(await ask()).toBe('OK')
    expect(capi.takeSeen()).toBe('ask login ask')
    expect((await record()).token).toBe('token-2')
  })
})

describe('a password that is given for a stored machine', () => {
  it('takes the place of one that no login has worked with', async () => {
    const { capi, machines, ask, pass, record } = world()
    capi.own('one', 'right')
    expect(await ask('one')).toBe('CAPI_AUTH')
    expect(await machines.standing('one')).toMatchObject({ state: 'blocked' })
    expect(await machines.add('one', 'right')).toMatchObject({ registration: 'pending', standing: { state: 'active' } })
    expect((await record()).password).toBe('right')
    expect(await ask('one')).toBe('CAPI_BLOCKED') // all pause
    pass(HOUR)
    expect(await ask('one')).toBe('OK')
  })

  it('takes the place of one that CAPI refuses by now, without another registration', async () => {
    const { capi, machines, ask, storage, pass } = world()
    await ask('one')
    capi.own('one', 'new')
    await storage.update('one', { token: null })
    expect(await ask('one')).toBe('CAPI_AUTH')
    expect(await machines.add('one', 'new')).toMatchObject({ registration: 'confirmed', standing: { state: 'active' } })
    pass(HOUR)
    capi.takeSeen()
    expect(await ask('one')).toBe('OK')
    expect(capi.takeSeen()).toBe('login ask')
  })

  it('ends no pause where it is the stored one', async () => {
    const { capi, machines, ask } = world()
    capi.own('one', 'right')
    await machines.add('one', 'wrong')
    expect(await ask('one')).toBe('CAPI_AUTH')
    expect(await machines.add('one', 'wrong')).toMatchObject({ standing: { state: 'blocked' } })
  })

  it.each([null, '', 12_345, {}, true])('is refused and not stored where it is no text: %j', async (password) => {
    const { machines } = world()
    const given = password as unknown as string
    const error = await machines.add('one', given).catch((thrown) => thrown)
    expect(error).toMatchObject({
      code: 'ERR_CSB_CONFIG',
      message: expect.stringMatching(/^machine password: expected /),
    })
    expect(error.message).not.toContain('12345')
    expect(await machines.list()).toEqual([])
  })
})

describe('a login that is refused right after another machine’s has worked', () => {
  async function fleet() {
    const made = world()
    const { capi, storage } = made
    for (const id of ['good', 'fine', 'bad', 'worse']) capi.own(id, id)
    for (const id of ['good', 'fine']) await made.machines.add(id, id)
    for (const id of ['bad', 'worse']) await made.machines.add(id, 'wrong')
    const login = async (id: string) => {
      await storage.update(id, { token: null })
      return made.ask(id)
    }
    return { ...made, login }
  }

  it('stops that machine alone, and for good when it comes again', async () => {
    const { login, machines, pass } = await fleet()
    expect(await login('good')).toBe('OK')
    expect(await login('bad')).toBe('CAPI_AUTH')
    expect(await machines.breaker()).toBeNull()
    expect(await machines.standing('bad')).toMatchObject({ reason: 'forbidden', pause: HOUR })
    pass(HOUR)
    expect(await login('fine')).toBe('OK')
    expect(await login('bad')).toBe('CAPI_REGISTERED')
    expect(await machines.standing('bad')).toMatchObject({ reason: 'registered elsewhere', until: null })
    expect(await machines.breaker()).toBeNull()
    expect(machines.counts.forbidden).toBe(2)
  })

  it('stops it for good also where it is an old one whose password was changed', async () => {
    const { login, capi, machines, pass } = await fleet()
    await login('fine')
    capi.own('fine', 'changed')
    await login('good')
    expect(await login('fine')).toBe('CAPI_AUTH')
    pass(HOUR)
    await login('good')
    expect(await login('fine')).toBe('CAPI_AUTH')
    expect(await machines.standing('fine')).toMatchObject({ reason: 'forbidden', until: null, pause: null })
    expect(await machines.breaker()).toBeNull()
  })

  it.each<[string, (made: Awaited<ReturnType<typeof fleet>>) => Promise<unknown> | unknown]>([
    ['and another refusal', ({ login }) => login('worse')],
    ['more than a minute ago', ({ pass }) => pass(MINUTE)],
    ['and the clock was set back', ({ setClock }) => setClock(-MINUTE)],
  ])('stops all where that was before: %s', async (_name, meanwhile) => {
    const made = await fleet()
    await made.login('good')
    await meanwhile(made)
    expect(await made.machines.breaker()).toBeNull()
    expect(await made.login('bad')).toBe('CAPI_AUTH')
    expect(await made.machines.breaker()).toMatchObject({ pause: HOUR })
  })

  it.each([
    ['itself before', ['fine', 'good']],
    ['itself since', ['good', 'fine']],
  ])('stops it alone where it logged in %s', async (_name, order) => {
    const { login, capi, machines } = await fleet()
    for (const id of order) expect(await login(id)).toBe('OK')
    capi.own('fine', 'changed')
    expect(await login('fine')).toBe('CAPI_AUTH')
    expect(await machines.breaker()).toBeNull()
  })

  it('stops all where the one that worked was its own', async () => {
    const { login, capi, machines } = await fleet()
    await login('fine')
    capi.own('fine', 'changed')
    expect(await login('fine')).toBe('CAPI_AUTH')
    expect(await machines.breaker()).toMatchObject({ pause: HOUR })
  })
})

describe('after a pause of all', () => {
  it('others are asked for before the one that was refused, for ten minutes', async () => {
    const { capi, ask, pass } = world()
    await ask('one')
    await ask('two')
    capi.faults.push(403)
    await ask('one')
    pass(HOUR)
    capi.takeSeen()
    expect(await ask('one')).toBe('CAPI_BLOCKED')
    expect(capi.takeSeen()).toBe('')
    expect(await ask('two')).toBe('OK')
    expect(await ask('one')).toBe('OK')
  })

  it('it is asked for nevertheless where they do not come', async () => {
    const { capi, ask, machines, pass } = world()
    await ask('one')
    await ask('two')
    capi.faults.push(403)
    await ask('one')
    pass(HOUR)
    expect(await errorOf(machines.login('one', never))).toMatchObject({ retryAfter: 10 * MINUTE })
    pass(10 * MINUTE - 1)
    expect(await ask('one')).toBe('CAPI_BLOCKED')
    pass(1)
    expect(await ask('one')).toBe('OK')
  })

  it.each<[string, Fault]>([
    ['pauses itself', 500],
    ['was refused', 403],
  ])('it waits for none that %s', async (_name, fault) => {
    const { capi, ask, pass, storage } = world()
    await ask('one')
    await ask('two')
    capi.faults.push(403)
    await ask('one')
    pass(HOUR)
    capi.faults.push(fault)
    await ask('two')
    await storage.setBreaker({ until: 0, pause: 0, message: 'over' })
    pass(2 * HOUR)
    expect(await ask('one')).toBe('OK')
  })

  it.each([
    ['a request', [403]],
    ['a login', [401, 403]],
  ] as const)('of as long as CAPI asks for, after %s', async (_name, statuses) => {
    for (const [retryAfter, pause] of [
      [MINUTE, HOUR],
      [2 * HOUR, 2 * HOUR],
    ] as const) {
      const { capi, ask, machines, pass } = world()
      await ask()
      capi.faults.push(...statuses.map((status) => ({ status, retryAfter })))
      expect(await ask()).toBe('CAPI_AUTH')
      expect(await machines.breaker()).toMatchObject({ pause })
      expect(await machines.standing('one')).toMatchObject({ pause })
      pass(pause - 1)
      expect(await ask()).toBe('CAPI_BLOCKED')
      pass(1)
      expect(await ask()).toBe('OK')
    }
  })
})

describe('processes that need a token of one machine at once', () => {
  /** Those that wait for another one let it go on, and see time pass by a second. */
  function processes(count: number) {
    const made = world()
    const pause = async () => {
      made.pass(SECOND)
      await new Promise(setImmediate)
    }
    return { ...made, all: Array.from({ length: count }, () => made.start({ pause })) }
  }

  it('make one registration and one login', async () => {
    const { all, ask, capi } = processes(20)
    expect(await Promise.all(all.map((one) => ask('one', one)))).toEqual(all.map(() => 'OK'))
    const made = capi.seen.filter(({ kind }) => kind !== 'ask').map(({ kind }) => kind)
    expect(made).toEqual(['register', 'login'])
    expect(await ask('two', all[7])).toBe('OK')
  })

  it('make one login where CAPI refuses the token that all of them have', async () => {
    const { all, ask, capi } = processes(5)
    await ask('one', all[0])
    capi.revoke('one')
    capi.takeSeen()
    expect(await Promise.all(all.map((one) => ask('one', one)))).toEqual(all.map(() => 'OK'))
    expect(capi.seen.filter(({ kind }) => kind === 'login')).toHaveLength(1)
  })

  it('all pause where it fails', async () => {
    const { all, ask, capi } = processes(5)
    capi.faults.push('none', 403)
    const answers = await Promise.all(all.map((one) => ask('one', one)))
    expect(answers.sort()).toEqual(['CAPI_AUTH', ...Array(4).fill('CAPI_BLOCKED')])
    expect(capi.takeSeen()).toBe('register login')
  })

  it('do not wait for one that has died for longer than its login may take', async () => {
    const { all, ask, capi, storage, now } = processes(1)
    await ask('one', all[0])
    await storage.update('one', { token: null })
    const dead = { owner: 'dead', machineId: 'one', from: now(), until: now() + 10 * SECOND }
    expect(await storage.takeLogin(dead, { window: HOUR, budget: 18 })).toBe('taken')
    capi.takeSeen()
    const began = now()
    expect(await ask('one', all[0])).toBe('OK')
    expect(capi.takeSeen()).toBe('login ask')
    expect(now() - began).toBe(10 * SECOND)
  })

  it('end with those who wait', async () => {
    const { start, storage, now } = world()
    const waiting = start()
    await waiting.add('one')
    const dead = { owner: 'dead', machineId: 'one', from: now(), until: now() + 10 * SECOND }
    await storage.takeLogin(dead, { window: HOUR, budget: 18 })
    const login = waiting.login('one', never).catch((error) => error)
    await new Promise(setImmediate)
    await waiting.close()
    expect(await login).toMatchObject({ code: 'ERR_CSB_STATE' })
  })
})

it('has no limit on logins where CAPI has none, and keeps none of them', async () => {
  const { ask, storage, start } = world({ loginBudget: 'unlimited' })
  const machines = start()
  for (let count = 0; count < 20; count++) expect(await ask(`m${count}`, machines)).toBe('OK')
  const claim = { owner: 'another', machineId: 'another', from: 0, until: 1 }
  expect(await storage.takeLogin({ ...claim, from: Date.UTC(2026, 10, 22) }, { window: HOUR, budget: 1 })).toBe('taken')
})

it('counts a login from its end, when CAPI has counted it at the latest', async () => {
  const { capi, ask, pass, machines } = world({ loginBudget: 1 })
  capi.onRequest = ({ kind }) => {
    if (kind === 'login') pass(9 * SECOND)
  }
  expect(await ask('one')).toBe('OK')
  pass(51 * MINUTE - 1)
  expect(await errorOf(machines.login('two', never))).toMatchObject({ code: 'ERR_CSB_CAPI_BUDGET', retryAfter: 1 })
})

it('a login that takes no request, since there is a good token, does not end the pause of all', async () => {
  const { capi, machines, ask, pass, storage } = world()
  await ask()
  capi.faults.push(403)
  expect(await ask()).toBe('CAPI_AUTH')
  await storage.update('one', { tokenExpiresAt: null })
  pass(HOUR)
  capi.takeSeen()
  await machines.login('one', never)
  expect(capi.takeSeen()).toBe('')
  expect(await machines.standing('one')).not.toMatchObject({ state: 'active' })
})
