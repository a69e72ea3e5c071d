import { describe, expect, test } from 'vitest'
import type { FoundVerdict } from '../../src/decisions/decision.js'
import { DEFAULT_SEVERITY, Severity } from '../../src/decisions/severity.js'
import { type GuardRailOptions, GuardRails } from '../../src/remediation/guard-rails.js'

function rails(options: Partial<GuardRailOptions> = {}, order = DEFAULT_SEVERITY): GuardRails {
  return new GuardRails({ scenarioActions: {}, originActions: {}, ...options }, new Severity(order))
}

function found(action: string, origin = 'cscli', scenario = 'ssh-bf'): FoundVerdict {
  return { action, origin, scenario, decision: null, withAction: (other) => found(other, origin, scenario) }
}

describe('what is done with a type', () => {
  test.each<[string, Partial<GuardRailOptions>, [type: string, origin: string, scenario: string], string]>([
    ['as it says', {}, ['ban', 'cscli', 'ssh-bf'], 'ban'],
    ['any type', {}, ['mfa', 'cscli', 'ssh-bf'], 'mfa'],
    ['its scenario’s', { scenarioActions: { 'ssh-bf': 'captcha' } }, ['ban', 'cscli', 'ssh-bf'], 'captcha'],
    ['another scenario’s is not', { scenarioActions: { 'ssh-bf2': 'captcha' } }, ['ban', 'cscli', 'ssh-bf'], 'ban'],
    ['its origin’s', { originActions: { CAPI: 'captcha' } }, ['ban', 'CAPI', 'x'], 'captcha'],
    ['the case of an origin matters', { originActions: { capi: 'captcha' } }, ['ban', 'CAPI', 'x'], 'ban'],
    [
      'scenario before origin',
      { scenarioActions: { x: 'throttle' }, originActions: { CAPI: 'allow' } },
      ['ban', 'CAPI', 'x'],
      'throttle',
    ],
    ['to more than it says', { scenarioActions: { x: 'ban' } }, ['captcha', 'CAPI', 'x'], 'ban'],
    ['a name that every object has', { scenarioActions: {} }, ['ban', 'constructor', 'toString'], 'ban'],
    ['no more than the limit', { maxRemediation: 'captcha' }, ['ban', 'cscli', 'x'], 'captcha'],
    ['the limit itself', { maxRemediation: 'captcha' }, ['captcha', 'cscli', 'x'], 'captcha'],
    ['less than the limit', { maxRemediation: 'captcha' }, ['throttle', 'cscli', 'x'], 'throttle'],
    ['unknown types are the mildest', { maxRemediation: 'throttle' }, ['mfa', 'cscli', 'x'], 'mfa'],
    [
      'an override is limited too',
      { maxRemediation: 'captcha', scenarioActions: { x: 'ban' } },
      ['throttle', 'cscli', 'x'],
      'captcha',
    ],
    ['nothing at all', { maxRemediation: 'allow' }, ['ban', 'cscli', 'x'], 'allow'],
    ['nothing at all, of an unknown type', { maxRemediation: 'allow' }, ['mfa', 'cscli', 'x'], 'allow'],
    [
      'what is allowed stays so',
      { maxRemediation: 'captcha', originActions: { cscli: 'allow' } },
      ['ban', 'cscli', 'x'],
      'allow',
    ],
  ])('%s', (_name, options, decision, action) => {
    expect(rails(options).actionFor(...decision)).toBe(action)
  })

  test('the order decides what is more', () => {
    expect(rails({ maxRemediation: 'ban' }, ['captcha', 'ban']).actionFor('captcha', 'x', 'y')).toBe('ban')
  })
})

describe('the worst of several', () => {
  test.each<[string, Partial<GuardRailOptions>, [FoundVerdict, ...FoundVerdict[]], number]>([
    ['by type', {}, [found('throttle'), found('captcha'), found('ban')], 2],
    ['the first of equals', {}, [found('ban', 'a'), found('ban', 'b')], 0],
    [
      'an origin that is let pass does not hide another',
      { originActions: { CAPI: 'allow' } },
      [found('ban', 'CAPI'), found('captcha')],
      1,
    ],
    [
      'an override may make the mildest the worst',
      { scenarioActions: { x: 'ban' }, originActions: { CAPI: 'captcha' } },
      [found('ban', 'CAPI'), found('throttle', 'cscli', 'x')],
      1,
    ],
    ['all are let pass', { originActions: { CAPI: 'allow' } }, [found('ban', 'CAPI'), found('ban', 'CAPI')], 0],
    ['all are equal at the limit', { maxRemediation: 'throttle' }, [found('captcha'), found('ban')], 0],
  ])('%s', (_name, options, all, index) => {
    expect(rails(options).worstOf(all)).toBe(all[index])
  })
})

describe('what is permitted', () => {
  test.each([
    [undefined, 'ban', true],
    ['ban', 'ban', true],
    ['captcha', 'ban', false],
    ['captcha', 'throttle', true],
    ['allow', 'throttle', false],
  ])('under %s: %s %s', (maxRemediation, action, isPermitted) => {
    expect(rails({ maxRemediation }).permits(action)).toBe(isPermitted)
  })
})
