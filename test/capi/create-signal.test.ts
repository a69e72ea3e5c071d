/** `createSignal`: the Python SDK's defaults (0.7.0), and what it lets through. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type CreateSignalOptions, createSignal } from '../../src/capi/signals/create-signal.js'

const zoneOfThisRun = process.env['TZ']
beforeEach(() => {
  process.env['TZ'] = 'UTC'
})
afterEach(() => {
  if (zoneOfThisRun === undefined) delete process.env['TZ']
  else process.env['TZ'] = zoneOfThisRun
})

const given: CreateSignalOptions = {
  attackerIp: '81.81.81.81',
  scenario: 'crowdsecurity/pysdktest',
  createdAt: '2024-01-19 12:12:21 +0000',
  machineId: 'f48425cde667a094c7f18b61fd708e6e71508729540065f9',
}

describe('createSignal', () => {
  it('has the defaults of the SDK, and nothing that is null', () => {
    const { uuid, ...signal } = createSignal(given)
    expect(signal).toEqual({
      machine_id: 'f48425cde667a094c7f18b61fd708e6e71508729540065f9',
      message: '',
      scenario: 'crowdsecurity/pysdktest',
      scenario_hash: '',
      scenario_version: '',
      scenario_trust: 'manual',
      source: { scope: 'ip', value: '81.81.81.81' },
      created_at: '2024-01-19T12:12:21+0000',
      start_at: '2024-01-19T12:12:21+0000',
      stop_at: '2024-01-19T12:12:21+0000',
      context: [],
      decisions: [],
    })
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(createSignal(given).uuid).not.toBe(uuid)
    expect(Object.values(signal)).not.toContain(undefined)
  })

  it('takes the rest as given', () => {
    const decision = {
      id: 0,
      duration: '24h0m0s',
      origin: 'crowdsec',
      scenario: 'crowdsecurity/pysdktest',
      scope: 'ip',
      type: 'ban',
      value: '81.81.81.81',
    }
    const signal = createSignal({
      ...given,
      createdAt: new Date('2024-01-19T12:12:21.999Z'),
      startAt: '2024-01-19T12:12:20.5Z',
      stopAt: new Date('2024-01-19T13:12:22+01:00'),
      uuid: 'my-own',
      message: 'seen',
      scenarioHash: 'abc',
      scenarioVersion: '0.1',
      scenarioTrust: 'certified',
      kind: 'waf',
      alertId: 7,
      context: [{ key: 'path', value: '/wp-login.php' }],
      decisions: [decision],
      source: {
        ip: '81.81.81.81',
        range: '81.81.0.0/16',
        asNumber: '5089',
        asName: 'Somebody',
        country: 'GB',
        latitude: 51.5,
        longitude: 0,
      },
    })
    expect(signal).toEqual({
      machine_id: given.machineId,
      scenario: given.scenario,
      uuid: 'my-own',
      message: 'seen',
      scenario_hash: 'abc',
      scenario_version: '0.1',
      scenario_trust: 'certified',
      kind: 'waf',
      alert_id: 7,
      created_at: '2024-01-19T12:12:21+0000',
      start_at: '2024-01-19T12:12:20.5Z',
      stop_at: '2024-01-19T12:12:22+0000',
      context: [{ key: 'path', value: '/wp-login.php' }],
      decisions: [decision],
      source: {
        scope: 'ip',
        value: '81.81.81.81',
        ip: '81.81.81.81',
        range: '81.81.0.0/16',
        as_number: '5089',
        as_name: 'Somebody',
        cn: 'GB',
        latitude: 51.5,
        longitude: 0,
      },
    })
  })

  it('is about the attacker, whoever the source says it is', () => {
    const source = { ip: '192.0.2.1', scope: 'range', value: '192.0.2.0/24' }
    const told = createSignal({ ...given, source })
    expect(told.source).toEqual({ scope: 'ip', value: given.attackerIp, ip: '192.0.2.1' })
  })

  it.each<[Partial<CreateSignalOptions>, string]>([
    [{ attackerIp: '' }, 'source.value'],
    [{ attackerIp: '1.2.3.4/24' }, 'source.value'],
    [{ attackerIp: '1.2.3.256' }, 'source.value'],
    [{ attackerIp: 'fe80::1%eth0' }, 'source.value'],
    [{ attackerIp: 'example.com' }, 'source.value'],
    [{ scenario: '' }, 'scenario'],
    [{ machineId: '' }, 'machine_id'],
    [{ createdAt: 'not a date' }, 'created_at'],
    [{ createdAt: new Date(Number.NaN) }, 'created_at'],
    [{ startAt: '2024-01-19 12:12:21' }, 'start_at'], // whose time?
    [{ stopAt: 'not a date' }, 'stop_at'],
    [{ startAt: new Date(Number.NaN) }, 'start_at'],
    [{ stopAt: new Date(Number.NaN) }, 'stop_at'],
    [{ source: { latitude: 91 } }, 'source.latitude'],
    [{ source: { range: '1.2.3.0/33' } }, 'source.range'],
    [{ context: [{ key: 'status', value: 403 as unknown as string }] }, 'context[0].value'],
    [{ context: [{ key: '', value: '' }] }, 'context[0].key'],
  ])('refuses %j and names %s', (over, field) => {
    expect(() => createSignal({ ...given, ...over })).toThrow(
      expect.objectContaining({ code: 'ERR_CSB_SIGNAL', message: expect.stringContaining(field) }),
    )
  })

  it('names unknown fields before anything else, with those that were meant', () => {
    const sdk = { attacker_ip: '81.81.81.81', scenario: 'a/b', created_at: '2024-01-26', machine_id: 'm', extra: 1 }
    expect(() => createSignal(sdk as never)).toThrow(
      expect.objectContaining({
        code: 'ERR_CSB_SIGNAL',
        message:
          'attacker_ip: unknown field; did you mean attackerIp?; created_at: unknown field; did you mean createdAt?; machine_id: unknown field; did you mean machineId?; extra: unknown field',
      }),
    )
    const source = { as_number: '1', cn: 'GB', country: undefined } as never
    expect(() => createSignal({ ...given, source })).toThrow(
      'source.as_number: unknown field; did you mean asNumber?; source.cn: unknown field',
    )
  })
})
