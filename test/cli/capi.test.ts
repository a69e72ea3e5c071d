/** `crowdsec-bouncer capi`: machines and decisions. Every command against a FakeCapi, with a real SQLite storage. */

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { generateMachineId } from '../../src/capi-client.js'
import { loadSqlite } from '../../src/signals/storage/sql/sqlite-library.js'
import { CapiDesk, idOf, SCENARIO } from './capi-desk.js'
import { run } from './run.js'

describe('register', () => {
  test('registers a machine, confirms it by a login and prints its id', async () => {
    const desk = await CapiDesk.set()
    const { exitCode, out, err } = await desk.run('register')
    const [machine] = desk.capi.machines()
    expect([exitCode, out]).toEqual([0, `${machine.machineId}\n`])
    expect(err).toBe(`registered with ${desk.capi.url}/v3/ and confirmed by a login; kept in ${desk.storage}\n`)
    expect(machine).toMatchObject({ logins: 1, scenarios: [SCENARIO] })
  })

  test('leaves a machine that is there as it is', async () => {
    const desk = await CapiDesk.set()
    const machineId = await desk.register()
    expect(await desk.run('register')).toMatchObject({ exitCode: 0, out: `${machineId}\n` })
    expect(await desk.json('register')).toEqual({ machine_id: machineId, outcome: 'registered already' })
    expect(desk.capi.machines()).toMatchObject([{ machineId, logins: 1 }])
  })

  test.each<[string, string[], string | RegExp]>([
    ['the given id', ['--machine-id', idOf('a')], idOf('a')],
    ['an id from a key', ['--key', 'test'], generateMachineId('test')],
    [
      'an id from a key and a prefix, as long as CAPI takes it',
      ['--key', 'test', '--prefix', 'web'],
      generateMachineId('test', { prefix: 'web' }).slice(0, 48),
    ],
    ['a random id with a prefix', ['--prefix', 'web'], /^web[a-z0-9]{45}$/],
  ])('%s', async (_, words, expected) => {
    const desk = await CapiDesk.set()
    await desk.register()
    const { exitCode, out } = await desk.run('register', ...words)
    expect(exitCode).toBe(0)
    if (typeof expected === 'string') expect(out).toBe(`${expected}\n`)
    else expect(out.trim()).toMatch(expected)
    expect(desk.capi.machines()).toHaveLength(2)
  })

  test.each<[string[], string]>([
    [['--machine-id', 'short'], 'machine id: expected 48 letters and digits, got "short"'],
    [['--key', ''], 'machine id: expected a key that is a text or a number, got an empty text'],
    [['--storage', 'memory'], 'expected a storage that outlives the command, got memory; -c or --storage says where'],
    [['--key', 'x', '--prefix', 'my-'], 'machine id: expected 48 letters and digits, got "my-'],
    [['--prefix', 'my-'], 'machine id prefix: expected up to 48 letters and digits, got "my-"'],
    [['--machine-id', idOf('a'), '--key', 'x'], '--machine-id: is the whole id; leave --key and --prefix away'],
  ])('refuses %j and adds nothing', async (words, message) => {
    const desk = await CapiDesk.set()
    const { exitCode, out, err } = await desk.run('register', ...words)
    expect([exitCode, out]).toEqual([2, ''])
    expect(err).toContain(`ERR_CSB_CONFIG: ${message}`)
    expect(desk.capi.requests).toEqual([])
    expect(existsSync(join(desk.directory, 'capi.db'))).toBe(false)
  })

  test('goes on where an earlier try was cut short, with the same machine and password', async () => {
    const desk = await CapiDesk.set()
    desk.capi.fault({ kind: 'lost' }, { times: 1, match: ({ path }) => path === '/v3/watchers' })
    const first = await desk.run('register', '--prefix', 'web')
    expect(first).toMatchObject({ exitCode: 2, out: '' })
    const [{ machineId }] = desk.capi.machines()
    expect(await desk.json('status')).toMatchObject({
      machines: [{ machine_id: machineId, registration: 'pending', state: 'backing off' }],
    })
    await desk.run('unblock')
    expect(await desk.register('--prefix', 'db')).toMatch(/^db/)
    expect(await desk.register('--prefix', 'web')).toBe(machineId)
    expect(desk.capi.machines()).toMatchObject([{ machineId, logins: 1 }, { logins: 1 }])
    expect(await desk.register('--prefix', 'web')).not.toBe(machineId)
  })

  test('takes id and password from the configuration, and shows no password', async () => {
    const desk = await CapiDesk.set({ machines: { [idOf('k')]: 's3cr3t-passw0rd' } })
    await desk.register('--machine-id', idOf('a'))
    vi.stubEnv('CROWDSEC_BOUNCER_CAPI_MACHINE_ID', idOf('k'))
    vi.stubEnv('CROWDSEC_BOUNCER_CAPI_PASSWORD', 's3cr3t-passw0rd')
    const { exitCode, out, err } = await desk.run('register')
    await desk.register('--machine-id', idOf('o'))
    vi.unstubAllEnvs()
    expect([exitCode, out]).toEqual([0, `${idOf('k')}\n`])
    expect(err).not.toContain('s3cr3t')
    expect(desk.capi.machines().find(({ machineId }) => machineId === idOf('k'))).toMatchObject({ logins: 1 })
    await desk.inStorage(async ({ machines }) => {
      expect(await machines.get(idOf('k'))).toMatchObject({ password: 's3cr3t-passw0rd' })
      expect(await machines.get(idOf('o'))).not.toMatchObject({ password: 's3cr3t-passw0rd' })
    })
  })
})

describe('another CAPI than the one that confirmed the machine', () => {
  test.each([['register'], ['login'], ['enroll', 'g00dk3y'], ['decisions']])(
    '%s: asks nothing of it',
    async (...words) => {
      const desk = await CapiDesk.set()
      await desk.register()
      const { capi: other } = await CapiDesk.set()
      const { exitCode, out, err } = await desk.run(...words, '--url', `${other.url}/v3`)
      expect([exitCode, out]).toEqual([2, ''])
      expect(err).toMatch(
        /^ERR_CSB_CONFIG: Machine \w+ is registered with \S+, and \S+ is asked: give each CAPI a storage/,
      )
      expect(other.requests).toEqual([])
      expect(await desk.json('status')).toMatchObject({ breaker: null, machines: [{ state: 'active', token: 'kept' }] })
    },
  )

  test('register: goes there with the password of the configuration, and is not done before it has logged in', async () => {
    const desk = await CapiDesk.set()
    const machineId = idOf('a')
    const { capi: other } = await CapiDesk.set()
    const configure = (url: string) =>
      desk.write(
        'bouncer.yaml',
        `capi_url: ${url}/v3\ncapi_storage: sqlite:capi.db\ncapi_scenarios: [${SCENARIO}]\n` +
          `capi_machine_id: ${machineId}\ncapi_password: Pa55word-of-the-configuration\n`,
      )
    configure(desk.capi.url)
    await desk.register()
    configure(other.url)
    expect(await desk.json('register')).toEqual({ machine_id: machineId, outcome: 'registered' })
    expect(other.machines()).toMatchObject([{ machineId, logins: 1 }])
    expect(await desk.json('status')).toMatchObject({ breaker: null, machines: [{ state: 'active', token: 'kept' }] })
  })

  test('signals send: leaves them queued', async () => {
    const desk = await CapiDesk.set()
    await desk.register()
    await desk.add(2)
    const { capi: other } = await CapiDesk.set()
    const { exitCode, out, err } = await desk.run('signals', 'send', '--url', `${other.url}/v3`)
    expect([exitCode, out]).toEqual([2, '0 sent, 0 quarantined, 2 queued\n'])
    expect(err).toMatch(/^warning: Signals of machine \w+ stay queued: Machine \w+ is registered with/)
    expect(other.requests).toEqual([])
    expect(await desk.run('signals', 'send')).toMatchObject({ exitCode: 0, out: '2 sent, 0 quarantined, 0 queued\n' })
  })
})

describe('login', () => {
  test('gets a token where there is none, says until when, and never shows it', async () => {
    const now = Date.now()
    const desk = await CapiDesk.set({ now: () => now })
    const machineId = await desk.register()
    const { exitCode, out, err } = await desk.run('login')
    const until = `${new Date(now + 3_600_000).toISOString().slice(0, 19)}Z`
    expect([exitCode, out, err]).toEqual([0, `${machineId}: active, token until ${until}\n`, ''])
    expect(desk.capi.machines()).toMatchObject([{ logins: 1 }]) // the token of `register` is still good
    const document = await desk.json('login')
    expect(document).toMatchObject({ machine_id: machineId, state: 'active', token: 'kept', token_until: until })
    expect(JSON.stringify(document)).not.toContain('eyJ')
  })

  test('with other scenarios gets another token', async () => {
    const desk = await CapiDesk.set()
    await desk.register()
    await desk.run('login', '--scenarios', 'crowdsecurity/http-bf')
    expect(desk.capi.machines()).toMatchObject([{ logins: 2, scenarios: ['crowdsecurity/http-bf'] }])
  })

  test('without a machine says what to do, and of several asks which', async () => {
    const desk = await CapiDesk.set()
    await desk.inStorage(async () => {})
    expect(await desk.run('login')).toEqual({
      exitCode: 2,
      out: '',
      err: `ERR_CSB_CONFIG: expected a machine: there is none in ${desk.storage}; "crowdsec-bouncer capi register" adds one\n`,
    })
    await desk.register()
    await desk.register('--machine-id', idOf('b'))
    const several = `expected a machine: there are 2 in ${desk.storage}; name one with --machine`
    expect(await desk.run('login')).toMatchObject({ exitCode: 2, err: `ERR_CSB_CONFIG: ${several}\n` })
    expect(await desk.run('login', '--machine', idOf('b'))).toMatchObject({ exitCode: 0 })
    const unknown = await desk.run('login', '--machine', idOf('c'))
    expect(unknown).toMatchObject({ exitCode: 2, out: '' })
    expect(unknown.err).toContain(`"${idOf('c')}" is not in ${desk.storage}`)
  })

  test.each([[[]], [['--machine', idOf('k')]]])(
    '%j: of the machine in the configuration needs no register',
    async (words) => {
      const desk = await CapiDesk.set({ machines: { [idOf('k')]: 's3cr3t-passw0rd' } })
      await desk.register()
      vi.stubEnv('CROWDSEC_BOUNCER_CAPI_MACHINE_ID', idOf('k'))
      vi.stubEnv('CROWDSEC_BOUNCER_CAPI_PASSWORD', 's3cr3t-passw0rd')
      const { exitCode, out } = await desk.run('login', ...words)
      vi.unstubAllEnvs()
      expect([exitCode, out.slice(0, 56)]).toEqual([0, `${idOf('k')}: active`])
    },
  )

  test('of a machine that CAPI refuses fails, and status says why and until when', async () => {
    const desk = await CapiDesk.set({ machines: { [idOf('x')]: 'another' } })
    await desk.addMachine(idOf('x'), 'wrong')
    const refused = await desk.run('login')
    expect(refused).toMatchObject({ exitCode: 2, out: '' })
    expect(refused.err).toMatch(/ERR_CSB_CAPI_AUTH: watchers\/login is refused .* the credentials are wrong, or /)
    const until = expect.stringMatching(/Z$/)
    expect(await desk.json('status')).toMatchObject({
      breaker: { until, message: expect.stringContaining('credentials are wrong') },
      machines: [{ state: 'blocked', reason: 'forbidden', until }],
    })
    const { out } = await desk.run('status')
    expect(out).toMatch(/^pause {5}until 20\S+Z: /m)
    expect(out).toMatch(/blocked \(forbidden\) until 20\S+Z: /)
    expect(await desk.run('unblock', idOf('x'))).toMatchObject({
      exitCode: 0,
      out: '1 machine unblocked; the pause of all is over\n',
    })
    expect(await desk.json('status')).toMatchObject({ breaker: null, machines: [{ state: 'active', message: null }] })
    expect(await desk.json('unblock')).toEqual({ unblocked: 0, pause_lifted: false })
  })
})

test.each([
  [1, 'ERR_CSB_CAPI_BUDGET: No login is left: 1 went out'],
  ['unlimited', ''],
])('with capi_login_budget: %s the login of a second machine says %j', async (budget, problem) => {
  const desk = await CapiDesk.set()
  desk.write('bouncer.yaml', `${readFileSync(desk.config, 'utf8')}capi_login_budget: ${budget}\n`)
  await desk.register('--machine-id', idOf('a'))
  const { exitCode, err } = await desk.run('register', '--machine-id', idOf('b'))
  expect(err).toContain(problem)
  expect(exitCode).toBe(problem === '' ? 0 : 2)
})

test('a machine that somebody else owns waits until it is unblocked', async () => {
  const desk = await CapiDesk.set({ machines: { [idOf('x')]: 'another' }, badLogin: 401 })
  await desk.addMachine(idOf('x'), 'wrong')
  const refused = await desk.run('login')
  expect(refused.err).toMatch(/ERR_CSB_CAPI_REGISTERED: CAPI knows machine x{48} with another password/)
  expect(await desk.json('status')).toMatchObject({
    breaker: null,
    machines: [{ state: 'blocked', reason: 'registered elsewhere', until: null }],
  })
  expect((await desk.run('status')).out).toMatch(/blocked \(registered elsewhere\) until it is unblocked: /)
})

test('unblock lets the machine that is named ask again, and no other', async () => {
  const desk = await CapiDesk.set()
  for (const letter of 'ab') {
    await desk.register('--machine-id', idOf(letter))
    await block(desk, idOf(letter), 'no')
  }
  expect(await desk.run('unblock', idOf('b'))).toMatchObject({ exitCode: 0, out: '1 machine unblocked\n' })
  expect(await desk.json('status')).toMatchObject({ machines: [{ state: 'blocked' }, { state: 'active' }] })
  expect(await desk.json('unblock')).toMatchObject({ unblocked: 1 })
})

/** As CAPI's refusal leaves a machine. */
function block(desk: CapiDesk, machineId: string, message: string): Promise<void> {
  return desk.inStorage(({ machines }) =>
    machines.update(machineId, {
      standing: { state: 'blocked', reason: 'refused', until: null, pause: null, message },
    }),
  )
}

describe('enroll', () => {
  const options = { attachmentKeys: ['g00dk3y'] }

  test.each<[string, string[], string]>([
    ['the command line', ['g00dk3y'], ''],
    ['standard input', ['-'], 'g00dk3y\n'],
  ])('takes the key from %s', async (_, words, input) => {
    const desk = await CapiDesk.set(options)
    const machineId = await desk.register()
    const { exitCode, out } = await desk.runWith({ input }, 'enroll', ...words)
    expect(exitCode).toBe(0)
    expect(out).toMatch(new RegExp(`^machine +outcome\n${machineId} +accepted\n$`))
    expect(desk.capi.machines()[0].enrollment).toEqual({ attachmentKey: 'g00dk3y', name: machineId, tags: [] })
  })

  test('takes it from the command line rather than from the environment', async () => {
    const desk = await CapiDesk.set(options)
    await desk.register()
    vi.stubEnv('CROWDSEC_BOUNCER_ATTACHMENT_KEY', 'an0therk3y')
    expect(await desk.json('enroll', 'g00dk3y')).toMatchObject({ outcome: 'accepted' })
    vi.unstubAllEnvs()
  })

  test('takes it from a file or the environment, with name and tags', async () => {
    const desk = await CapiDesk.set(options)
    const machineId = await desk.register()
    const words = [
      'enroll',
      '--key-file',
      desk.write('key', 'g00dk3y\n'),
      '--name',
      'web-1',
      '--tag',
      'a',
      '--tag',
      'b',
    ]
    expect(await desk.json(...words)).toEqual({ machine_id: machineId, outcome: 'accepted', error: null })
    expect(desk.capi.machines()[0].enrollment).toEqual({ attachmentKey: 'g00dk3y', name: 'web-1', tags: ['a', 'b'] })
    vi.stubEnv('CROWDSEC_BOUNCER_ATTACHMENT_KEY', 'g00dk3y')
    expect(await desk.json('enroll')).toMatchObject({ outcome: 'already enrolled' })
    expect(await desk.json('enroll', '--overwrite', '--name', 'web-2')).toMatchObject({ outcome: 'accepted' })
    vi.unstubAllEnvs()
    expect(desk.capi.machines()[0].enrollment).toMatchObject({ name: 'web-2' })
  })

  test('a wrong key is an error that does not show it', async () => {
    const desk = await CapiDesk.set(options)
    await desk.register()
    const { exitCode, out, err } = await desk.run('enroll', 'wr0ngk3y', '--json')
    expect([exitCode, out]).toEqual([2, ''])
    expect(err).toMatch(/^ERR_CSB_CAPI_ENROLL: The attachment key is refused by CAPI at \S+ \(status 403\); copy it/)
    expect(err).not.toContain('wr0ngk3y')
  })

  test.each<[string[], string, string]>([
    [[], '', 'expected the attachment key of the console'],
    [['-'], ' \n', 'expected the attachment key of the console'],
    [['-'], 'x'.repeat(5000), 'standard input is too long for a key'],
    [['k', '--key-file', 'f'], '', 'the key and --key-file both say what the key is; leave one away'],
    [['--key-file', '/nowhere'], '', '--key-file: /nowhere cannot be read (ENOENT)'],
    [['no key!'], '', 'attachmentKey: expected letters and digits'],
    [['k', '--all', '--machine', idOf('a')], '', '--machine and --all: leave one away'],
  ])('%j is refused', async (words, input, message) => {
    const desk = await CapiDesk.set(options)
    await desk.register()
    const { exitCode, out, err } = await desk.runWith({ input }, 'enroll', ...words)
    expect([exitCode, out]).toEqual([2, ''])
    expect(err).toContain(`ERR_CSB_CONFIG: ${message}`)
    expect(desk.capi.requests.filter(({ path }) => path.endsWith('/enroll'))).toEqual([])
  })

  test('--all enrolls every machine, and exits with 1 where only some can be', async () => {
    const desk = await CapiDesk.set(options)
    for (const letter of 'abc') await desk.register('--machine-id', idOf(letter))
    const all = await desk.jsonLines('enroll', 'g00dk3y', '--all')
    expect(all).toMatchObject([{ outcome: 'accepted' }, { outcome: 'accepted' }, { outcome: 'accepted' }])
    await block(desk, idOf('b'), 'no\u001b[2J')
    const some = await desk.run('enroll', 'g00dk3y', '--all')
    expect(some.exitCode).toBe(1)
    expect(some.out).toMatch(
      /a{48} +already enrolled\nb{48} +failed: ERR_CSB_CAPI_BLOCKED: .*: no\?\[2J\nc{48} +already enrolled\n$/,
    )
    expect(await desk.run('enroll', 'g00dk3y', '--machine', idOf('b'))).toMatchObject({ exitCode: 2, out: '' })
  })

  test('--all exits with 2 where none can be, tried or not, or where there is none', async () => {
    const desk = await CapiDesk.set(options)
    await desk.inStorage(async () => {})
    const none = await desk.run('enroll', 'g00dk3y', '--all')
    expect(none).toMatchObject({ exitCode: 2, out: '' })
    expect(none.err).toContain('expected a machine: there is none in')
    for (const letter of 'abc') await desk.register('--machine-id', idOf(letter))
    await block(desk, idOf('a'), 'no')
    const refused = await desk.run('enroll', 'wr0ngk3y', '--all')
    expect([refused.exitCode, refused.out.match(/failed: \w+/g)]).toEqual([
      2,
      ['failed: ERR_CSB_CAPI_BLOCKED', 'failed: ERR_CSB_CAPI_ENROLL'],
    ])
    expect(refused.err).toContain('1 more not tried')
    for (const letter of 'bc') await block(desk, idOf(letter), 'no')
    expect(await desk.run('enroll', 'g00dk3y', '--all')).toMatchObject({ exitCode: 2 })
  })

  test('--all goes no further with a key that is refused, and tells what was done before', async () => {
    const desk = await CapiDesk.set(options)
    for (const letter of 'abc') await desk.register('--machine-id', idOf(letter))
    let asked = 0
    desk.capi.fault(
      { kind: 'status', status: 403, body: '{"message":"The attachment key is not valid"}' },
      { match: ({ path }) => path.endsWith('/enroll') && ++asked === 2 },
    )
    const { exitCode, out, err } = await desk.run('enroll', 'g00dk3y', '--all')
    expect(exitCode).toBe(1)
    expect(out).toMatch(/a{48} +accepted\nb{48} +failed: ERR_CSB_CAPI_ENROLL: .*\n$/)
    expect(err).toContain('1 more not tried: the key is the same\n')
    expect(asked).toBe(2)
  })
})

describe('status', () => {
  test('of nothing', async () => {
    const desk = await CapiDesk.set()
    await desk.inStorage(async () => {})
    expect(await desk.run('status')).toEqual({
      exitCode: 0,
      err: '',
      out: [
        `CAPI      ${desk.capi.url}/v3/`,
        `storage   ${desk.storage}`,
        'pause     none',
        'outbox    0 queued, 0 sent, 0 quarantined',
        '',
        'no machine; "crowdsec-bouncer capi register" adds one',
        '',
      ].join('\n'),
    })
    expect(desk.capi.requests).toEqual([])
  })

  test.each([
    [-1000, 'until the next request'],
    [3_600_000, `until 20\\S+Z`],
  ])('of a machine that is tried again in %i ms: %s', async (ahead, told) => {
    const desk = await CapiDesk.set()
    const machineId = await desk.register()
    const until = Date.now() + ahead
    await desk.inStorage(({ machines }) =>
      machines.update(machineId, {
        standing: { state: 'backing off', until, pause: 3_600_000, failures: 1, message: 'no answer' },
      }),
    )
    expect((await desk.run('status')).out).toMatch(new RegExp(`backing off ${told}: no answer `))
  })

  test('of a machine and what waits', async () => {
    const desk = await CapiDesk.set()
    const machineId = await desk.register()
    await desk.add(3)
    const before = desk.capi.requests.length
    const { out } = await desk.run('status')
    expect(out).toMatch(/^outbox {4}3 queued \(the oldest for \d+s\), 0 sent, 0 quarantined$/m)
    expect(out).toMatch(new RegExp(`^${machineId} +active +confirmed +until \\S+Z +${SCENARIO}$`, 'm'))
    expect(await desk.json('status')).toMatchObject({
      storage: desk.storage,
      outbox: { queued: 3, sent: 0, quarantined: 0, oldest_queued_at: expect.stringMatching(/Z$/) },
    })
    expect(desk.capi.requests).toHaveLength(before)
  })
})

describe('decisions', () => {
  async function deskWithDecisions(): Promise<CapiDesk> {
    const desk = await CapiDesk.set()
    desk.capi.setCommunity([
      { value: '203.0.113.7' },
      { value: '2001:db8::/32', scope: 'range', duration: '24h', scenario: 'a/b' },
    ])
    desk.capi.addBlocklist({ name: 'my-list', values: ['198.51.100.1', '198.51.100.2'], remediation: 'captcha' })
    await desk.register()
    return desk
  }

  test('are printed as a table, with counts beside it', async () => {
    const desk = await deskWithDecisions()
    expect(await desk.run('decisions')).toEqual({
      exitCode: 0,
      out: [
        'value          scope  type  scenario              origin  duration',
        '203.0.113.7    ip     ban   crowdsecurity/ssh-bf  CAPI    168h',
        '2001:db8::/32  range  ban   a/b                   CAPI    24h',
        '',
      ].join('\n'),
      err: 'decisions: 2, taken back: 0, blocklists: 1, allowlists: 0\nblocklist my-list (captcha, ip, 24h): not downloaded\n',
    })
  })

  test('as JSON are one a line, with those of linked lists where they are wanted', async () => {
    const desk = await deskWithDecisions()
    vi.stubEnv('CROWDSEC_BOUNCER_CAPI_ALLOW_PRIVATE_LINKS', 'true')
    const lines = await desk.jsonLines('decisions', '--lists')
    vi.unstubAllEnvs()
    expect(lines).toHaveLength(4)
    expect(lines[0]).toEqual({
      value: '203.0.113.7',
      scope: 'ip',
      type: 'ban',
      scenario: SCENARIO,
      origin: 'CAPI',
      duration: '168h',
    })
    expect(lines[3]).toEqual({
      value: '198.51.100.2',
      scope: 'ip',
      type: 'captcha',
      scenario: 'my-list',
      origin: 'lists',
      duration: '24h',
    })
  })

  test('exit with 1 where a list is missing, and never show its link', async () => {
    const desk = await deskWithDecisions()
    const { exitCode, out, err } = await desk.run('decisions', '--lists')
    expect([exitCode, out.split('\n').length]).toEqual([1, 4])
    expect(err).toContain('warning: The list "my-list" cannot be had: 127.0.0.1 is an address of a private network')
    expect(err).toContain('blocklist my-list (captcha, ip, 24h): missing\n')
    expect(err).not.toContain('Signature')
  })

  test('can be without the community or the console', async () => {
    const desk = await deskWithDecisions()
    const { out, err } = await desk.run('decisions', '--no-community', '--no-additional')
    expect([out, err]).toEqual(['', 'decisions: 0, taken back: 0, blocklists: 0, allowlists: 0\n'])
  })

  test('are without them, too, where the configuration says so', async () => {
    const desk = await deskWithDecisions()
    vi.stubEnv('CROWDSEC_BOUNCER_CAPI_COMMUNITY_PULL', 'false')
    expect((await desk.run('decisions')).err).toMatch(/^decisions: 0, taken back: 0, blocklists: 1,/)
    vi.stubEnv('CROWDSEC_BOUNCER_CAPI_COMMUNITY_PULL', undefined)
    vi.stubEnv('CROWDSEC_BOUNCER_CAPI_ADDITIONAL_PULL', 'false')
    expect((await desk.run('decisions')).err).toMatch(/^decisions: 2, taken back: 0, blocklists: 0,/)
    vi.unstubAllEnvs()
  })

  test('let no control character through to the terminal', async () => {
    const desk = await CapiDesk.set()
    desk.capi.setCommunity([{ value: '203.0.113.7', scenario: 'a\u001b[2J\u009b\u007f/b\nc' }])
    await desk.register()
    expect((await desk.run('decisions')).out).toContain('ban   a?[2J??/b c  CAPI')
    expect((await desk.run('decisions', '--json')).out).toContain('a\\u001b[2J\\u009b\\u007f/b\\nc')
  })
})

describe('all of them', () => {
  test.each<[string[], RegExp]>([
    [['capi'], /^Usage: crowdsec-bouncer capi /],
    [['capi', 'signals'], /^Usage: crowdsec-bouncer capi signals /],
    [['capi', 'stauts'], /unknown command 'stauts'/],
    [
      ['capi', 'status', '--storage', 'mysql://u:s3cr3t@h/d'],
      /^ERR_CSB_CONFIG: --storage: expected .* that is not shown\n$/,
    ],
    [['capi', 'status', '--url', 'nowhere'], /^ERR_CSB_CONFIG: --url: expected `production`/],
    [['capi', 'status', '--scenarios', 'a b'], /^ERR_CSB_CONFIG: --scenarios: expected a list of scenarios/],
    [['capi', 'status', '-c', '/nowhere.yaml'], /^ERR_CSB_CONFIG_FILE: /],
    [['capi', 'status', '--storage', 'sqlite:/proc/nowhere/x.db'], /^ERR_CSB_STORAGE: /],
  ])('%j exits with 2', async (words, expected) => {
    const { exitCode, out, err } = await run(...words)
    expect([exitCode, out]).toEqual([2, ''])
    expect(err).toMatch(expected)
    expect(err).not.toContain('s3cr3t')
  })

  test('leave the storage closed, also on failure: what was written is in the file and not in its log', async () => {
    const desk = await CapiDesk.set()
    desk.capi.fault({ kind: 'status', status: 500 })
    expect(await desk.run('register')).toMatchObject({ exitCode: 2 })
    const { size = 0 } = statSync(`${join(desk.directory, 'capi.db')}-wal`, { throwIfNoEntry: false }) ?? {}
    expect(size).toBe(0)
    expect(statSync(join(desk.directory, 'capi.db')).size).toBeGreaterThan(0)
  })

  test('draw progress only where somebody watches, and take it away', async () => {
    const desk = await CapiDesk.set()
    await desk.register()
    const { err } = await desk.runWith({ isWatched: true }, 'decisions')
    expect(err).toBe('pulling the decisions\r\u001b[Kdecisions: 0, taken back: 0, blocklists: 0, allowlists: 0\n')
    expect((await desk.run('decisions')).err).not.toContain('\r')
  })
})

describe('a storage that is not there', () => {
  const wantMachine: [string, string[]][] = [
    ['login', []],
    ['enroll', ['key1']],
    ['decisions', []],
    ['signals', ['add', '--address', '192.0.2.1', '--scenario', SCENARIO]],
  ]

  async function withMachine(): Promise<CapiDesk> {
    const desk = await CapiDesk.set({ machines: { [idOf('m')]: 's3cr3t' }, attachmentKeys: ['key1'] })
    const text = `capi_machine_id: ${idOf('m')}\ncapi_password: s3cr3t\n`
    desk.write('bouncer.yaml', readFileSync(desk.config, 'utf8') + text)
    return desk
  }

  test.each<[string, string[]]>([
    ['status', []],
    ['unblock', []],
    ['unblock', [idOf('m')]],
    ['signals', ['list']],
    ['signals', ['send']],
    ['signals', ['prune']],
    ['signals', ['prune', '--failing-machines']],
    ['signals', ['requeue']],
    ...wantMachine,
  ])('is named and not made by %s %j', async (command, words) => {
    const desk = await CapiDesk.set()
    const typo = join(desk.directory, 'typo.db')
    const { exitCode, out, err } = await desk.run(command, ...words, '--storage', `sqlite:${typo}`)
    expect([exitCode, out, existsSync(typo)]).toEqual([2, '', false])
    expect(err).toMatch(/^ERR_CSB_STORAGE: There is no storage sqlite:\S+typo.db: no such file; .*\n$/)
    writeFileSync(typo, '', { mode: 0o666 })
    const { mode } = statSync(typo)
    expect((await desk.run(command, ...words, '--storage', `sqlite:${typo}`)).err).toContain(': the file is empty; ')
    expect(statSync(typo)).toMatchObject({ size: 0, mode })
    expect(desk.capi.requests).toEqual([])
  })

  test.each<[string, string[]]>([
    ['enroll', []],
    ['enroll', ['key1', '--all', '--machine', idOf('m')]],
    ['signals', ['add']],
    ['signals', ['add', '--file', 'x', '--address', '192.0.2.1']],
    ['signals', ['add', '--address', '192.0.2.1', '--scenario', SCENARIO, '--context', 'x']],
    ['signals', ['add', '--address', '192.0.2.1', '--scenario', SCENARIO, '--storage', 'memory']],
  ])('is not made where %s %j is a mistake, even for a machine that is configured', async (command, words) => {
    const desk = await withMachine()
    expect(await desk.run(command, ...words)).toMatchObject({ exitCode: 2, out: '' })
    expect(existsSync(join(desk.directory, 'capi.db'))).toBe(false)
  })

  test.each<[string, string[]]>([['register', []], ...wantMachine])(
    'is made by %s %j for a machine that is configured',
    async (command, words) => {
      const desk = await withMachine()
      expect(await desk.run(command, ...words)).toMatchObject({ exitCode: 0 })
      expect(existsSync(join(desk.directory, 'capi.db'))).toBe(true)
    },
  )

  test('is left as it is where it is the database of something else', async () => {
    const desk = await CapiDesk.set()
    const path = join(desk.directory, 'other.db')
    const { DatabaseSync } = await loadSqlite()
    const other = new DatabaseSync(path)
    other.exec('create table diary (day text)')
    other.close()
    const bytes = readFileSync(path)
    const { mode } = statSync(path)
    for (const command of ['status', 'register']) {
      const { exitCode, err } = await desk.run(command, '--storage', `sqlite:${path}`)
      expect(exitCode).toBe(2)
      expect(err).toContain('other.db cannot be used: the file is the database of something else')
    }
    expect([readFileSync(path).equals(bytes), statSync(path).mode]).toEqual([true, mode])
  })

  test('may be an empty file where it is made', async () => {
    const desk = await CapiDesk.set()
    desk.write('capi.db', '')
    expect(await desk.run('register')).toMatchObject({ exitCode: 0 })
  })

  test('is no question of a file where it is memory', async () => {
    const desk = await CapiDesk.set()
    expect(await desk.run('status', '--storage', 'memory')).toMatchObject({ exitCode: 0 })
  })
})
