/** What may go out as a signal: every field at its edges, and a message that names them all. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { validateSignal } from '../../src/capi/signals/signal-schema.js'

const decision = {
  id: 0,
  duration: '4h0m0s',
  origin: 'crowdsec',
  scenario: 'acme/scan',
  scope: 'Ip',
  type: 'ban',
  value: '1.2.3.4',
}
const signal = {
  uuid: 'b9a1a1a0-0000-4000-8000-000000000000',
  machine_id: 'm'.repeat(48),
  message: '',
  scenario: 'acme/scan',
  scenario_hash: '',
  scenario_version: '',
  scenario_trust: 'manual',
  source: { scope: 'ip', value: '1.2.3.4' },
  created_at: '2024-01-26T10:20:46Z',
  start_at: '',
  stop_at: '2024-01-26T10:20:46.123456+0000',
  context: [],
  decisions: [],
}

type Change = readonly [path: string, value: unknown]

/** The signal with one field changed; undefined takes it away. */
function changed([path, value]: Change): unknown {
  const copy = structuredClone({ ...signal, decisions: [{ ...decision }], context: [{ key: 'k', value: 'v' }] })
  const names = path.split('.')
  const last = names.pop() ?? ''
  const holder: object = names.reduce<object>((at, name) => Reflect.get(at, name), copy)
  if (value === undefined) Reflect.deleteProperty(holder, last)
  else Reflect.set(holder, last, value)
  return copy
}

function messageOf(input: unknown): string {
  try {
    validateSignal(input)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_CSB_SIGNAL') return error.message
    throw error
  }
  return 'taken'
}

describe('validateSignal', () => {
  it('gives the signal back as it was', () => {
    expect(validateSignal(signal)).toEqual(signal)
    const full = { ...signal, alert_id: 1, kind: 'waf', context: [{ key: 'k', value: '' }], decisions: [decision] }
    expect(validateSignal(full)).toEqual(full)
  })

  it('drops null where a field may be missing, as the Python SDK sends it', () => {
    const source = { scope: 'ip', value: '1.2.3.4', ip: null, range: null, cn: null, as_name: null, latitude: null }
    const taken = validateSignal({
      ...signal,
      source,
      alert_id: null,
      decisions: [{ ...decision, uuid: null, until: null }],
    })
    expect(taken).toStrictEqual({ ...signal, decisions: [decision] })
  })

  it.each<Change>([
    ['source', { scope: 'Range', value: '10.0.0.0/8' }],
    ['source', { scope: 'range', value: '10.0.0.1' }],
    ['source', { scope: 'Country', value: 'FR' }],
    ['source', { scope: 'ip', value: '2001:db8::1', ip: '2001:db8::1', range: '2001:db8::/32' }],
    ['scenario', "manual 'ban' from 'localhost'"], // as the engine's own
    ['machine_id', 'my-company_0edc1f3d'],
    ['decisions.0.duration', '-1m30.5s'],
    ['decisions.0.until', ''],
    ['context.0.value', ''],
    ['source.longitude', -180],
  ])('takes %s %j', (...change) => {
    expect(messageOf(changed(change))).toBe('taken')
  })

  it.each<Change>([
    ['machine_id', 'x'.repeat(128)],
    ['uuid', 'x'.repeat(64)],
    ['message', 'x'.repeat(4096)],
    ['context.0.value', 'x'.repeat(4096)],
    ['decisions', Array(1000).fill(decision)],
  ])('takes %s as long as it may be', (...change) => {
    expect(messageOf(changed(change))).toBe('taken')
  })

  it.each<readonly [...Change, said: string]>([
    ['uuid', undefined, 'uuid: expected a text of 1 to 64'],
    ['uuid', '', 'uuid'],
    ['uuid', 'x'.repeat(65), 'uuid: expected a text of 1 to 64'],
    ['machine_id', 'x'.repeat(129), 'machine_id: expected a text of 1 to 128'],
    ['message', null, 'message: expected a text of 0 to 4096 characters without NUL or lone surrogates, got null'],
    ['message', 'x'.repeat(4097), 'message'],
    ['message', 'half \ud800', 'message'],
    ['message', 'nul \0', 'message'],
    ['scenario', '', 'scenario: expected a text of 1 to 1024'],
    ['scenario_hash', 5, 'scenario_hash: expected a text of 0 to 255 characters without NUL or lone surrogates, got 5'],
    ['source', undefined, 'source: expected an object, got nothing'],
    ['source', 'ip', 'source: expected an object, got "ip"'],
    ['source.scope', '', 'source.scope'],
    ['source.value', 'x', 'source.value: expected an IP address, as scope is ip, got "x"'],
    ['source', { scope: 'Ip', value: 'x' }, 'source.value: expected an IP address, as scope is Ip, got "x"'],
    ['source', { scope: 'range', value: 'fe80::%eth0/64' }, 'source.value: expected an IP address or a CIDR'],
    ['source.range', 'fe80::1%eth0', 'source.range: expected an IP address or a CIDR'],
    [
      'source',
      { scope: 'Range', value: '10.0.0.0/33' },
      'source.value: expected an IP address or a CIDR, as scope is Range',
    ],
    ['source.ip', '1.2.3.4.5', 'source.ip: expected an IP address, got "1.2.3.4.5"'],
    ['source.latitude', '51', 'source.latitude: expected a number from -90 to 90, got "51"'],
    ['source.latitude', Number.NaN, 'source.latitude'],
    ['source.as_numer', '1', 'source: unknown "as_numer"'],
    ['created_at', '', 'created_at: expected a time with an offset'],
    ['created_at', '2024-01-26 10:20:46', 'created_at'],
    [
      'stop_at',
      'soon',
      'stop_at: expected a time with an offset, such as 2024-01-26T10:20:46Z, or an empty text, got "soon"',
    ],
    ['alert_id', 1.5, 'alert_id: expected a whole number, 0 or more, got 1.5'],
    ['context', {}, 'context: expected a list of at most 100, got an object'],
    [
      'context',
      Array.from({ length: 101 }, () => ({ key: 'k', value: 'v' })),
      'context: expected a list of at most 100, got a list of 101',
    ],
    ['context.0.value', undefined, 'context[0].value'],
    ['context.0.value', 'x'.repeat(4097), 'context[0].value: expected a text of 0 to 4096'],
    ['decisions', Array(1001).fill(decision), 'decisions: expected a list of at most 1000, got a list of 1001'],
    ['decisions.0', 'ban', 'decisions[0]: expected an object, got "ban"'],
    ['decisions.0.id', -1, 'decisions[0].id'],
    ['decisions.0.duration', '1 day', 'decisions[0].duration: expected a Go duration such as 24h0m0s, got "1 day"'],
    ['decisions.0.simulated', 'no', 'decisions[0].simulated: expected true or false, got "no"'],
    ['sent', false, 'signal: unknown "sent"'],
  ])('refuses %s %.60j', (path, value, said) => {
    expect(messageOf(changed([path, value]))).toContain(said)
  })

  it.each([null, undefined, 5, 'signal', []])('refuses %j', (input) => {
    expect(messageOf(input)).toContain('signal: expected an object, got ')
  })

  it('names all problems at once', () => {
    const message = messageOf({ ...signal, uuid: '', machine_id: 5, created_at: 'x', decisions: [{}] })
    for (const field of ['uuid', 'machine_id', 'created_at', 'decisions[0].id', 'decisions[0].value']) {
      expect(message).toContain(`${field}: expected`)
    }
  })

  it('stays short, on one line, and quotes nothing of a context', () => {
    const context = Array.from({ length: 100 }, () => ({ key: 'cookie', value: 'session=hunter2\0' }))
    const message = messageOf({ ...signal, message: `${'a\n'.repeat(5000)}`, context })
    expect(message).not.toContain('hunter2')
    expect(message).not.toContain('\n')
    expect(message).toContain('and 81 more')
    expect(message.length).toBeLessThan(4000)
  })

  it('throws nothing but its own error, whatever comes, and what it takes it takes again', () => {
    const field = fc.constantFrom(...Object.keys(signal))
    fc.assert(
      fc.property(field, fc.anything({ withNullPrototype: true }), (name, value) => {
        const input = { ...signal, [name]: value }
        if (messageOf(input) === 'taken') {
          const taken = validateSignal(input)
          expect(validateSignal(JSON.parse(JSON.stringify(taken)))).toEqual(taken)
        }
      }),
    )
  })
})
