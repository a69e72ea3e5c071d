/** Builders: what the PHP client's own tests (3.5.2) say of its builders, with the defects turned right. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { durationText } from '../../src/capi/signals/duration-text.js'
import {
  buildDecision,
  buildSignal,
  buildSimpleSignalForIp,
  type DecisionProperties,
} from '../../src/capi/signals/signal-builder.js'
import { parseGoDuration } from '../../src/decisions/go-duration.js'

const NOW = '2024-02-19T12:12:21.250Z'
const properties = { machineId: 'm'.repeat(48), scenario: 'acme/scan' }
const refused = expect.objectContaining({ code: 'ERR_CSB_SIGNAL' })

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(NOW) })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('buildSimpleSignalForIp', () => {
  it('has the time of now, and no ban that nobody asked for', () => {
    const signal = buildSimpleSignalForIp({ ...properties, ip: '1.2.3.4' })
    expect(signal).toEqual({
      uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      machine_id: properties.machineId,
      message: '',
      scenario: 'acme/scan',
      scenario_hash: '',
      scenario_version: '',
      scenario_trust: 'manual',
      source: { scope: 'ip', value: '1.2.3.4' },
      created_at: NOW,
      start_at: NOW,
      stop_at: NOW,
      context: [],
      decisions: [],
    })
  })

  it('has one ban where a duration is given', () => {
    const signal = buildSimpleSignalForIp({ ...properties, ip: '2001:db8::1', message: 'seen', duration: 86_400 })
    expect(signal.message).toBe('seen')
    expect(signal.decisions).toEqual([
      {
        id: 0,
        uuid: signal.uuid,
        duration: '24h0m0s',
        origin: 'crowdsec',
        scenario: 'acme/scan',
        scope: 'ip',
        type: 'ban',
        value: '2001:db8::1',
        simulated: false,
      },
    ])
  })

  it('writes a time in UTC, whatever the zone it was given in', () => {
    const createdAt = new Date('2024-02-19T14:12:21+02:00')
    expect(buildSimpleSignalForIp({ ...properties, ip: '1.2.3.4', createdAt }).created_at).toBe(
      '2024-02-19T12:12:21.000Z',
    )
  })

  it.each([
    { ip: 'x' },
    { ip: '1.2.3.4', scenario: 'nothing' },
    { ip: '1.2.3.4', scenario: '' },
    { ip: '1.2.3.4', duration: 1.5 },
    { ip: '1.2.3.4', duration: -1 },
    { ip: '1.2.3.4', duration: '86400' as unknown as number },
    { ip: '1.2.3.4', createdAt: '2024-02-19T12:12:21Z' as unknown as Date },
    { ip: '1.2.3.4', createdAt: new Date(Number.NaN) },
  ])('refuses %j', (over) => {
    expect(() => buildSimpleSignalForIp({ ...properties, ...over })).toThrow(refused)
  })
})

describe('buildSignal', () => {
  it('keeps every property', () => {
    const signal = buildSignal(
      {
        ...properties,
        scenario: 'gauth-fr/immich-bf', // the PHP client refuses this author of the hub
        createdAt: new Date('2024-01-01T00:00:02Z'),
        startAt: new Date('2024-01-01T00:00:00Z'),
        stopAt: new Date('2024-01-01T00:00:01Z'),
        uuid: 'u-1',
        message: 'm',
        scenarioHash: 'h',
        scenarioVersion: 'v',
        scenarioTrust: 'certified',
        kind: 'crowdsec',
        alertId: 3,
        context: [{ key: 'k', value: '' }],
      },
      {
        scope: 'range',
        value: '1.2.3.0/24',
        range: '1.2.3.0/24',
        ip: '1.2.3.4',
        asNumber: '1',
        asName: 'a',
        country: 'FR',
        latitude: 1,
        longitude: 2,
      },
      [
        { duration: 0 },
        {
          duration: 90,
          type: 'captcha',
          origin: 'waf',
          scenario: 'other',
          scope: 'ip',
          value: '1.2.3.4',
          id: 9,
          uuid: 'd-1',
          simulated: true,
          until: new Date('2024-01-01T01:00:00Z'),
        },
      ],
    )
    expect(signal).toEqual({
      uuid: 'u-1',
      machine_id: properties.machineId,
      message: 'm',
      scenario: 'gauth-fr/immich-bf',
      scenario_hash: 'h',
      scenario_version: 'v',
      scenario_trust: 'certified',
      kind: 'crowdsec',
      alert_id: 3,
      source: {
        scope: 'range',
        value: '1.2.3.0/24',
        range: '1.2.3.0/24',
        ip: '1.2.3.4',
        as_number: '1',
        as_name: 'a',
        cn: 'FR',
        latitude: 1,
        longitude: 2,
      },
      created_at: '2024-01-01T00:00:02.000Z',
      start_at: '2024-01-01T00:00:00.000Z',
      stop_at: '2024-01-01T00:00:01.000Z',
      context: [{ key: 'k', value: '' }],
      decisions: [
        {
          id: 0,
          uuid: 'u-1',
          duration: '0h0m0s',
          origin: 'crowdsec',
          scenario: 'gauth-fr/immich-bf',
          scope: 'range',
          type: 'ban',
          value: '1.2.3.0/24',
          simulated: false,
        },
        {
          id: 9,
          uuid: 'd-1',
          duration: '0h1m30s',
          origin: 'waf',
          scenario: 'other',
          scope: 'ip',
          type: 'captcha',
          value: '1.2.3.4',
          simulated: true,
          until: '2024-01-01T01:00:00.000Z',
        },
      ],
    })
  })

  it('sets start and stop to the time of creation', () => {
    const createdAt = new Date('2024-01-01T00:00:02Z')
    const { start_at, stop_at } = buildSignal({ ...properties, createdAt }, { value: '1.2.3.4' })
    expect([start_at, stop_at]).toEqual(['2024-01-01T00:00:02.000Z', '2024-01-01T00:00:02.000Z'])
  })

  it('refuses unknown fields, and says which were meant', () => {
    expect(() => buildSignal({ ...properties, scenario_hash: 'x' } as never, { value: '1.2.3.4' })).toThrow(
      'scenario_hash: unknown field; did you mean scenarioHash?',
    )
    expect(() => buildSignal(properties, { value: '1.2.3.4' }, [{ duration: 60, typ: 'captcha' }] as never)).toThrow(
      'decision.typ: unknown field; did you mean type?',
    )
    expect(() => buildSignal(properties, { value: '1.2.3.4', asName2: 'x' } as never)).toThrow(
      'source.asName2: unknown field; did you mean asName?',
    )
  })

  it('refuses decisions that are no list, or no decisions', () => {
    const source = { value: '1.2.3.4' }
    const bad: readonly unknown[] = [
      'ban',
      {},
      [[]],
      ['ban'],
      [5],
      [null],
      [{ duration: '1h' }],
      [{ duration: 1, type: '' }],
    ]
    for (const decisions of bad) {
      expect(() => buildSignal(properties, source, decisions as readonly DecisionProperties[])).toThrow(refused)
    }
    expect(buildSignal(properties, source, []).decisions).toEqual([])
  })
})

describe('buildDecision', () => {
  it('stands by itself too', () => {
    const subject = { scenario: 'acme/scan', scope: 'ip', value: '1.2.3.4', uuid: 'u' }
    expect(buildDecision({ duration: 3600, type: 'throttle' }, subject)).toEqual({
      id: 0,
      uuid: 'u',
      duration: '1h0m0s',
      origin: 'crowdsec',
      scenario: 'acme/scan',
      scope: 'ip',
      type: 'throttle',
      value: '1.2.3.4',
      simulated: false,
    })
  })
})

describe('durationText', () => {
  it.each([
    [0, '0h0m0s'],
    [59, '0h0m59s'],
    [90, '0h1m30s'],
    [3600, '1h0m0s'],
    [3661, '1h1m1s'],
    [86_400, '24h0m0s'],
    [9_223_372_036, '2562047h47m16s'],
  ])('%d s is %s', (seconds, text) => {
    expect(durationText(seconds)).toBe(text)
    expect(parseGoDuration(text)).toBe(seconds * 1000)
  })

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 9_223_372_037])('refuses %d', (seconds) => {
    expect(() => durationText(seconds)).toThrow(refused)
  })
})
