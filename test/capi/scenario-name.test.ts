/** Scenario names: the SDKs' pattern, the documentation's, and names that the hub really has. */

import { describe, expect, it } from 'vitest'
import { judgeScenarioName } from '../../src/capi/signals/scenario-name.js'

describe('judgeScenarioName', () => {
  it.each([
    ['crowdsecurity/ssh-bf', 'ok'],
    ['crowdsecurity/CVE-2022-26134', 'ok'],
    ['a/b', 'ok'],
    [`${'a'.repeat(16)}/${'b'.repeat(64)}`, 'ok'],
    // The SDKs refuse these: their authors have dashes or more than 16 characters, their names dots.
    ['gauth-fr/immich-bf', 'unusual'],
    ['Dominic-Wagner/vaultwarden-bf', 'unusual'],
    [`${'a'.repeat(17)}/b`, 'unusual'],
    [`a/${'b'.repeat(65)}`, 'unusual'],
    ['acme/http-scan-1.2', 'unusual'],
    // The SDKs take these.
    ['/', 'unusual'],
    ['acme/', 'unusual'],
    ['/scan', 'unusual'],
    ['', 'invalid'],
    ['ssh-bf', 'invalid'],
    ['a/b/c', 'invalid'],
    ['acme/ssh bf', 'invalid'],
    ['acme/ssh-bf\n', 'invalid'],
    ['acme/éclair', 'invalid'],
    ["manual 'ban' from 'localhost'", 'invalid'],
    [`a/${'b'.repeat(253)}`, 'unusual'],
    [`a/${'b'.repeat(254)}`, 'invalid'],
  ])('%j is %s', (name, verdict) => {
    const judged = judgeScenarioName(name)
    expect(judged.verdict).toBe(verdict)
    if (judged.verdict !== 'ok') expect(judged.why).toContain(JSON.stringify(name.slice(0, 50)).slice(0, -1))
  })
})
