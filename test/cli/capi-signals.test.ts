/** `crowdsec-bouncer capi signals`: the outbox by hand, against a FakeCapi, with a real SQLite storage. */

import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { CapiDesk, idOf, SCENARIO } from './capi-desk.js'

const one = ['--address', '192.0.2.1', '--scenario', SCENARIO] as const

async function registered(options: Parameters<typeof CapiDesk.set>[0] = {}): Promise<CapiDesk> {
  const desk = await CapiDesk.set(options)
  await desk.register('--machine-id', idOf('m'))
  return desk
}

async function counts(desk: CapiDesk): Promise<unknown> {
  const status = await desk.json('status')
  return typeof status === 'object' && status !== null && 'outbox' in status ? status.outbox : null
}

function lines(...records: readonly unknown[]): string {
  return records.map((record) => `${typeof record === 'string' ? record : JSON.stringify(record)}\n`).join('')
}

describe('signals add', () => {
  test('keeps the outbox within the limits of the service', async () => {
    const desk = await registered()
    await desk.add(3)
    vi.stubEnv('CROWDSEC_BOUNCER_REPORT_MAX_SIGNALS', '2')
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(await desk.run('signals', 'add', ...one)).toEqual({
      exitCode: 0,
      out: '1 added, 2 dropped to keep the outbox within its limits\n',
      err: 'warning: 2 signals were dropped to keep the outbox within its limits\n',
    })
    expect(await counts(desk)).toMatchObject({ queued: 2 })
  })

  test('one', async () => {
    const desk = await registered()
    const details = [
      '--message',
      'm',
      '--at',
      '2026-01-26T12:20:46+02:00',
      '--context',
      'user=root',
      '--context',
      'q=a=b',
      '--context',
      'user=admin',
    ]
    expect(await desk.run('signals', 'add', ...one, ...details)).toEqual({ exitCode: 0, out: '1 added\n', err: '' })
    const [record] = await desk.jsonLines('signals', 'list')
    expect(record).toMatchObject({
      state: 'queued',
      signal: {
        machine_id: idOf('m'),
        message: 'm',
        scenario: SCENARIO,
        source: { scope: 'ip', value: '192.0.2.1' },
        created_at: '2026-01-26T10:20:46.000Z',
        context: [
          { key: 'user', value: 'root' },
          { key: 'user', value: 'admin' },
          { key: 'q', value: 'a=b' },
        ],
      },
    })
  })

  test.each<[string, readonly string[], string]>([
    ['no address', ['--scenario', 'a/b'], 'ERR_CSB_CONFIG: expected --address and --scenario, or --file\n'],
    ['no scenario', ['--address', '192.0.2.1'], 'ERR_CSB_CONFIG: expected --address and --scenario, or --file\n'],
    ['one beside a file', [...one, '--file', 'x'], 'ERR_CSB_CONFIG: --file: has whole signals; leave --address'],
    ['a message beside a file', ['--message', 'm', '--file', 'x'], 'ERR_CSB_CONFIG: --file: has whole signals'],
    ['a time beside a file', ['--at', '2026-01-26T10:20:46Z', '--file', 'x'], 'ERR_CSB_CONFIG: --file: has whole'],
    ['a context beside a file', ['--context', 'a=b', '--file', 'x'], 'ERR_CSB_CONFIG: --file: has whole signals'],
    [
      'a bad address',
      ['--address', 'x', '--scenario', 'a/b'],
      'ERR_CSB_SIGNAL: Not a signal that CAPI takes: source.value',
    ],
    [
      'a bad scenario',
      ['--address', '192.0.2.1', '--scenario', 'a b'],
      'ERR_CSB_SIGNAL: scenario: expected a scenario as',
    ],
    [
      'a time without an offset',
      [...one, '--at', '2026-01-26 10:20'],
      'ERR_CSB_SIGNAL: at: expected a time with an offset',
    ],
    ['a context without a key', [...one, '--context', '=v'], 'ERR_CSB_CONFIG: --context: expected key=value, got "=v"'],
    ['an unknown machine', [...one, '--machine', 'x'], 'ERR_CSB_CONFIG: expected a machine: "x" is not in'],
    ['a file that is not there', ['--file', '/nowhere'], 'ERR_CSB_CONFIG: --file: /nowhere cannot be read (ENOENT)\n'],
  ])('refuses %s', async (_, words, message) => {
    const desk = await registered()
    const { exitCode, out, err } = await desk.run('signals', 'add', ...words)
    expect([exitCode, out]).toEqual([2, ''])
    expect(err.startsWith(message), err).toBe(true)
    expect(await counts(desk)).toMatchObject({ queued: 0 })
  })

  test('a file of short and of whole signals', async () => {
    const desk = await registered()
    const whole = {
      uuid: 'u-1',
      machine_id: idOf('o'),
      message: '',
      scenario: 'a/b',
      scenario_hash: '',
      scenario_version: '',
      scenario_trust: 'custom',
      source: { scope: 'ip', value: '192.0.2.3', cn: null },
      created_at: '2026-01-26T10:20:46Z',
      start_at: '',
      stop_at: '',
      context: [],
      decisions: [],
    }
    const text = lines(
      { address: '192.0.2.1', scenario: 'a/b' },
      '',
      { address: '192.0.2.0/24', scenario: 'a/b' },
      whole,
      { address: '192.0.2.4', scenario: 'a/b', machine_id: idOf('s') },
    )
    const file = desk.write('signals.jsonl', `\uFEFF${text}`.trimEnd())
    expect(await desk.json('signals', 'add', '--file', file)).toEqual({ added: 4, known: 0, dropped: 0 })
    expect(await desk.jsonLines('signals', 'list')).toMatchObject([
      { signal: { machine_id: idOf('m'), source: { scope: 'ip', value: '192.0.2.1' } } },
      { signal: { machine_id: idOf('m'), source: { scope: 'range', value: '192.0.2.0/24' } } },
      { signal: { uuid: 'u-1', machine_id: idOf('o'), scenario_trust: 'custom' } },
      { signal: { machine_id: idOf('s'), source: { scope: 'ip', value: '192.0.2.4' } } },
    ])
  })

  /** What CAPI's contract requires of a signal, and no more. */
  const required = {
    message: 'm',
    scenario: 'a/b',
    scenario_hash: '',
    scenario_version: '',
    source: { scope: 'ip', value: '192.0.2.3' },
    start_at: '2026-01-26T10:20:46Z',
    stop_at: '2026-01-26T10:20:47Z',
  }
  const optional = ['uuid', 'machine_id', 'created_at', 'scenario_trust', 'context', 'decisions']

  test.each<[string, object]>([
    ['left away', {}],
    ['null', Object.fromEntries(optional.map((name) => [name, null]))],
    ['as a row of the Python SDK has it', { context: null, decisions: null, alert_id: null, sent: false }],
  ])('what a whole signal need not have, %s, gets its default', async (_, fields) => {
    const desk = await registered()
    const input = lines({ ...required, ...fields })
    const before = Date.now()
    expect(await desk.runWith({ input }, 'signals', 'add', '--file', '-')).toMatchObject({ out: '1 added\n', err: '' })
    const [record] = await desk.jsonLines('signals', 'list')
    const { uuid, created_at, ...rest } = (record as { signal: { uuid: string; created_at: string } }).signal
    const given = { machine_id: idOf('m'), scenario_trust: 'manual', context: [], decisions: [] }
    expect(rest).toStrictEqual({ ...required, ...given })
    expect(uuid).toMatch(/^[0-9a-f-]{36}$/)
    expect(Date.parse(created_at)).toBeGreaterThanOrEqual(before)
  })

  test.each<[string, object, string]>([
    ['what must be there', { message: null }, 'message: expected a text of 0 to 4096 characters without NUL or lone'],
    ['an unknown field beside `sent`', { sent: true, send: true }, 'signal: unknown "send"'],
    ['a bad time', { created_at: 'soon' }, 'created_at: expected a time with an offset'],
  ])('a whole signal without or with %s is refused', async (_, fields, message) => {
    const desk = await registered()
    const { exitCode, err } = await desk.runWith(
      { input: lines({ ...required, ...fields }) },
      ...['signals', 'add', '--file', '-'],
    )
    expect(exitCode).toBe(2)
    expect(err).toContain(`line 1: Not a signal that CAPI takes: ${message}`)
  })

  test('an array, and again: what is known is not added twice', async () => {
    const desk = await registered()
    const array = Array.from({ length: 1001 }, (_, n) => ({ address: '192.0.2.1', scenario: 'a/b', uuid: `u-${n}` }))
    const input = `\uFEFF ${JSON.stringify(array, null, 2)}`
    const add = () => desk.runWith({ input }, 'signals', 'add', '--file', '-')
    expect(await add()).toMatchObject({ exitCode: 0, out: '1001 added\n' })
    expect(await add()).toMatchObject({ exitCode: 0, out: '0 added, 1001 known already\n' })
  })

  test('with bad lines names each of them, and adds nothing', async () => {
    const desk = await registered()
    const good = { address: '192.0.2.1', scenario: 'a/b' }
    const bad = ['{', 7, { ...good, adress: 1 }, { scenario: 'a/b' }, { ...good, context: { n: 1 } }, { source: {} }]
    const input = lines(good, '', ...bad, good)
    const { exitCode, out, err } = await desk.runWith({ input }, 'signals', 'add', '--file', '-')
    expect([exitCode, out]).toEqual([2, ''])
    expect(err.trimEnd().split('\n').slice(0, 5)).toEqual([
      'line 3: not JSON; expected one signal a line',
      'line 4: expected a JSON object',
      'line 5: unknown adress',
      'line 6: address: expected text',
      'line 7: context.n: expected text',
    ])
    expect(err).toMatch(
      /line 8: Not a signal that CAPI takes: .*\nERR_CSB_SIGNAL: 6 of 8 are no signals; nothing was added\n$/,
    )
    expect(await counts(desk)).toMatchObject({ queued: 0 })
  })

  test('with very many bad lines shows some', async () => {
    const desk = await registered()
    const { err } = await desk.runWith({ input: '{\n'.repeat(50) }, 'signals', 'add', '--file', '-')
    expect(err.trimEnd().split('\n')).toHaveLength(21)
    expect(err).toContain('50 of 50 are no signals (20 of them are shown); nothing was added')
  })

  test('an array that is cut off is refused', async () => {
    const desk = await registered()
    const { exitCode, err } = await desk.runWith({ input: '[{"address":' }, 'signals', 'add', '--file', '-')
    expect([exitCode, err]).toEqual([2, 'ERR_CSB_SIGNAL: what begins with "[" is no JSON array\n'])
  })

  test('many, in pieces that end anywhere', async () => {
    const desk = await registered()
    const text = lines(
      ...Array.from({ length: 2500 }, (_, n) => ({ address: '192.0.2.1', scenario: 'a/b', message: `é${n}` })),
    )
    async function* pieces() {
      const bytes = Buffer.from(text)
      for (let at = 0; at < bytes.length; at += 777) yield bytes.subarray(at, at + 777)
    }
    const { out, err } = await desk.runWith({ input: pieces(), isWatched: true }, 'signals', 'add', '--file', '-')
    expect(out).toBe('2500 added\n')
    expect(err.endsWith('\r\u001b[K')).toBe(true)
    const stored = await desk.jsonLines('signals', 'list', '--limit', '5000')
    const messages = stored.map((record) => (record as { signal: { message: string } }).signal.message)
    expect(messages).toEqual(Array.from({ length: 2500 }, (_, n) => `é${n}`))
  })
})

describe('signals list', () => {
  test('shows a table, and how many there are', async () => {
    const desk = await registered()
    await desk.add(3)
    const { exitCode, out, err } = await desk.run('signals', 'list', '--limit', '2')
    expect([exitCode, err]).toEqual([0, '2 of 3 shown; --limit shows more\n'])
    const [header, ...rows] = out.trimEnd().split('\n')
    expect(header).toMatch(/^stored +state +value +scenario +message +machine$/)
    expect(rows).toHaveLength(2)
    expect(rows[1]).toMatch(new RegExp(`^20\\S+Z +queued +192\\.0\\.2\\.1 +${SCENARIO} +m{48}$`))
    expect(await desk.run('signals', 'list', '--state', 'sent')).toEqual({ exitCode: 0, out: '', err: 'no signals\n' })
    expect(await desk.run('signals', 'list', '--machine', idOf('m'))).toMatchObject({ exitCode: 0 })
  })

  test.each([['list'], ['requeue'], ['prune']])(
    '%s of one machine: one that is removed counts while signals of it wait, another is an error',
    async (command) => {
      const desk = await registered()
      await desk.add(1)
      await desk.inStorage(({ machines }) => machines.remove([idOf('m')]))
      expect(await desk.run('signals', command, '--machine', idOf('m'))).toMatchObject({ exitCode: 0 })
      const unknown = await desk.run('signals', command, '--machine', 'nope')
      expect(unknown).toMatchObject({ exitCode: 2, out: '' })
      expect(unknown.err).toContain(`ERR_CSB_CONFIG: expected a machine: "nope" is not in ${desk.storage}`)
    },
  )

  test.each([
    ['--limit', '0'],
    ['--limit', 'x'],
    ['--state', 'lost'],
  ])('%s %s is refused', async (...words) => {
    const desk = await CapiDesk.set()
    expect(await desk.run('signals', 'list', ...words)).toMatchObject({ exitCode: 2, out: '' })
  })
})

describe('signals send', () => {
  test('sends all that is queued', async () => {
    const desk = await registered()
    await desk.add(200)
    await desk.run('signals', 'add', ...one)
    const { exitCode, out, err } = await desk.runWith({ isWatched: true }, 'signals', 'send', '--batch-size', '100')
    expect([exitCode, out]).toEqual([0, '201 sent, 0 quarantined, 0 queued\n'])
    expect(err).toContain(' of 201 signals sent\r\u001b[K')
    expect(desk.capi.signals).toHaveLength(201)
    expect(desk.capi.signals.at(-1)?.batch).toBe(3)
    expect(await counts(desk)).toMatchObject({ queued: 0, sent: 0 })
  })

  test.each(['0', '251', '99999'])('--batch-size %s is refused', async (size) => {
    const desk = await registered()
    await desk.add(1)
    expect(await desk.run('signals', 'send', '--batch-size', size)).toMatchObject({ exitCode: 2, out: '' })
    expect(await counts(desk)).toMatchObject({ queued: 1 })
  })

  test('of nothing is done', async () => {
    const desk = await registered()
    expect(await desk.json('signals', 'send')).toEqual({
      sent: 0,
      quarantined: 0,
      remaining: 0,
      interrupted: false,
      failures: [],
    })
  })

  test('keeps what was sent where it should', async () => {
    const desk = await registered()
    await desk.add(2)
    expect(await desk.run('signals', 'send', '--no-prune')).toMatchObject({ exitCode: 0 })
    expect(await counts(desk)).toMatchObject({ queued: 0, sent: 2 })
    expect(await desk.jsonLines('signals', 'list', '--state', 'sent')).toMatchObject([
      { sent_at: expect.stringMatching(/Z$/) },
      { state: 'sent' },
    ])
  })

  test('exits with 2 where nothing could be sent, and says why', async () => {
    const desk = await registered()
    await desk.add(2)
    desk.capi.fault({ kind: 'status', status: 403 })
    const { exitCode, out, err } = await desk.run('signals', 'send', '--json')
    expect(exitCode).toBe(2)
    expect(JSON.parse(out)).toMatchObject({
      sent: 0,
      remaining: 2,
      failures: [{ machine_id: idOf('m'), code: 'ERR_CSB_CAPI_AUTH', message: expect.stringContaining('403') }],
    })
    expect(err.match(/^warning: Signals of machine m{48} stay queued: signals is refused by CAPI/gm)).toHaveLength(1)
  })

  test('exits with 1 where only one machine could send', async () => {
    const desk = await registered()
    await desk.register('--machine-id', idOf('n'))
    await desk.run('signals', 'add', ...one, '--machine', idOf('m'))
    await desk.run('signals', 'add', ...one, '--machine', idOf('n'))
    await desk.inStorage(({ machines }) =>
      machines.update(idOf('n'), {
        standing: { state: 'blocked', reason: 'refused', until: null, pause: null, message: 'no' },
      }),
    )
    expect(await desk.run('signals', 'send')).toMatchObject({ exitCode: 1, out: '1 sent, 0 quarantined, 1 queued\n' })
    expect(desk.capi.signals).toMatchObject([{ machineId: idOf('m') }])
  })

  test('exits with 1 where CAPI will not have one, which is kept with the reason and can be tried again', async () => {
    const desk = await registered()
    await desk.add(3)
    desk.capi.fault(
      { kind: 'status', status: 422, body: '{"message":"bad\\u001b[2J"}' },
      { match: ({ path, body }) => path === '/v3/signals' && String(body).includes('192.0.2.1"') },
    )
    const { exitCode, out, err } = await desk.run('signals', 'send')
    expect([exitCode, out]).toEqual([1, '2 sent, 1 quarantined, 0 queued\n'])
    expect(err).toMatch(/^warning: 1 signal goes into quarantine, machine m{48}, the last one because: .*422/)
    expect(err.split('\n')).toHaveLength(3)
    expect(err).toContain('capi signals list --state quarantined\n')
    const shown = await desk.run('signals', 'list', '--state', 'quarantined')
    expect(shown.out).toMatch(/quarantined +192\.0\.2\.1 +.* refused: .*422/)
    expect(shown.out).not.toContain('\u001b')
    desk.capi.heal()
    await desk.register('--machine-id', idOf('x'))
    const others = await desk.run('signals', 'requeue', '--machine', idOf('x'))
    expect(others).toEqual({ exitCode: 0, out: '0 signals are queued again\n', err: '' })
    expect(await desk.run('signals', 'requeue')).toEqual({ exitCode: 0, out: '1 signal is queued again\n', err: '' })
    expect(await desk.run('signals', 'send')).toMatchObject({ exitCode: 0, out: '1 sent, 0 quarantined, 0 queued\n' })
  })

  test('ends when it is interrupted; what was not sent stays queued and is nobody’s', async () => {
    const desk = await registered()
    await desk.add(4)
    desk.capi.fault({ kind: 'stall', afterBytes: 0 }, { times: 1, match: ({ path }) => path === '/v3/signals' })
    const interruption = new AbortController()
    const arrived = desk.capi.nextRequest(({ path }) => path === '/v3/signals')
    const sending = desk.runWith({ interrupted: interruption.signal }, 'signals', 'send')
    await arrived
    interruption.abort()
    expect(await sending).toEqual({
      exitCode: 1,
      out: '0 sent, 0 quarantined, 4 queued\n',
      err: 'interrupted; what was not sent stays queued\n',
    })
    expect(await desk.run('signals', 'send')).toMatchObject({ exitCode: 0, out: '4 sent, 0 quarantined, 0 queued\n' })
  })
})

describe('signals prune', () => {
  async function withOld(): Promise<CapiDesk> {
    const desk = await registered()
    await desk.add(2)
    await desk.run('signals', 'send', '--no-prune')
    await desk.add(3)
    return desk
  }

  test('deletes what was sent, unless it is told otherwise', async () => {
    const desk = await withOld()
    expect(await desk.json('signals', 'prune', '--dry-run')).toEqual({ matched: 2, deleted: 0 })
    expect(await desk.run('signals', 'prune', '--older-than', '1h')).toMatchObject({ out: '0 signals deleted\n' })
    expect(await desk.json('signals', 'prune', '--older-than', '1h', '--dry-run')).toEqual({ matched: 0, deleted: 0 })
    expect(await desk.run('signals', 'prune')).toEqual({ exitCode: 0, out: '2 signals deleted\n', err: '' })
    expect(await counts(desk)).toMatchObject({ queued: 3, sent: 0 })
    const all = ['signals', 'prune', '--state', 'all']
    expect(await desk.run(...all, '--dry-run')).toMatchObject({ out: '3 signals would be deleted\n' })
    await desk.register('--machine-id', idOf('x'))
    expect(await desk.run(...all, '--machine', idOf('x'))).toMatchObject({ out: '0 signals deleted\n' })
    expect(await desk.json(...all)).toEqual({ matched: 3, deleted: 3 })
    expect(await counts(desk)).toMatchObject({ queued: 0 })
  })

  test('--failing-machines deletes all signals of a machine that is refused for good', async () => {
    const desk = await withOld()
    const prune = ['signals', 'prune', '--failing-machines']
    expect(await desk.json(...prune)).toEqual({ matched: 0, deleted: 0, machines: [] })
    await desk.inStorage(({ machines }) =>
      machines.update(idOf('m'), {
        standing: { state: 'blocked', reason: 'refused', until: null, pause: null, message: 'no' },
      }),
    )
    expect(await desk.run(...prune, '--dry-run')).toEqual({
      exitCode: 0,
      out: '5 signals would be deleted\n',
      err: `machine ${idOf('m')}, blocked (refused), 5 signals: no\n`,
    })
    expect(await counts(desk)).toMatchObject({ queued: 3, sent: 2 })
    expect(await desk.json(...prune)).toMatchObject({ matched: 5, deleted: 5, machines: [{ machine_id: idOf('m') }] })
    expect(await counts(desk)).toMatchObject({ queued: 0, sent: 0 })
  })

  test.each([
    ['--older-than', 'soon'],
    ['--failing-machines', '--older-than', '7d'],
    ['--failing-machines', '--state', 'sent'],
    ['--state', 'lost'],
  ])('%s %s is refused', async (...words) => {
    const desk = await withOld()
    expect(await desk.run('signals', 'prune', ...words)).toMatchObject({ exitCode: 2, out: '' })
    expect(await counts(desk)).toMatchObject({ queued: 3, sent: 2 })
  })
})
