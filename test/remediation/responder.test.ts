import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it, test } from 'vitest'
import type { Verdict } from '../../src/decisions/decision.js'
import { Severity } from '../../src/decisions/severity.js'
import { silentLogger } from '../../src/logger.js'
import { BAN_PAGE } from '../../src/remediation/ban-page.js'
import { GuardRails } from '../../src/remediation/guard-rails.js'
import { Responder, type ResponderOptions } from '../../src/remediation/responder.js'

const folder = mkdtempSync(join(tmpdir(), 'bouncer-responder-'))
const template = join(folder, 'ban.html')
writeFileSync(template, '<h1>{{status}} {{action}} {{address}} ä</h1>')
afterAll(() => rmSync(folder, { recursive: true }))

let errors: string[]
beforeEach(() => {
  errors = []
})

function responder(options: Partial<ResponderOptions> = {}, maxRemediation?: string): Responder {
  return new Responder(
    { remediationFallback: 'ban', banReturnCode: 403, retryAfter: false, ...options },
    {
      guardRails: new GuardRails({ scenarioActions: {}, originActions: {}, maxRemediation }, new Severity()),
      logger: silentLogger,
      onError: ({ message }) => errors.push(message),
    },
  )
}

function verdict(action: string, milliseconds?: number): Verdict {
  if (milliseconds === undefined) return { action, decision: null }
  const until = new Date(Date.now() + milliseconds).toISOString()
  return {
    action,
    decision: { id: 1, origin: 'cscli', type: action, scope: 'Ip', value: '192.0.2.1', scenario: 'x', until },
  }
}

describe('what is really done', () => {
  test.each<[string, 'ban' | 'ignore', string | undefined, 'allow' | 'ban', boolean]>([
    ['allow', 'ban', undefined, 'allow', false],
    ['ban', 'ban', undefined, 'ban', false],
    ['ban', 'ignore', undefined, 'ban', false],
    ['captcha', 'ban', undefined, 'ban', false],
    ['captcha', 'ignore', undefined, 'allow', false],
    ['mfa', 'ban', undefined, 'ban', false],
    ['mfa', 'ignore', undefined, 'allow', false],
    ['captcha', 'ban', 'captcha', 'allow', true],
    ['mfa', 'ban', 'throttle', 'allow', true],
    ['captcha', 'ban', 'ban', 'ban', false],
    ['captcha', 'ignore', 'captcha', 'allow', false],
  ])('%s, fallback %s, at most %s: %s', (action, remediationFallback, limit, remedy, isForbidden) => {
    const one = responder({ remediationFallback }, limit)
    expect([one.remedyFor(verdict(action)), one.isFallbackForbidden]).toEqual([remedy, isForbidden])
  })
})

describe('the answer to a banned visitor', () => {
  const PROBLEM = { type: 'about:blank', title: 'Forbidden', status: 403, detail: 'Access denied' }
  test.each([
    ['text/html', 'text/html; charset=utf-8', BAN_PAGE],
    ['application/json', 'application/json; charset=utf-8', '{"error":{"code":"forbidden","message":"Access denied"}}'],
    ['application/problem+json', 'application/problem+json', JSON.stringify(PROBLEM)],
    ['text/plain', 'text/plain; charset=utf-8', 'Access denied\n'],
  ])('%s', (accept, type, body) => {
    expect(responder().banAnswer(verdict('ban'), '192.0.2.1', accept)).toEqual({
      status: 403,
      headers: {
        'cache-control': 'no-store',
        'content-length': String(Buffer.byteLength(body)),
        'content-type': type,
        vary: 'Accept',
      },
      body,
    })
  })

  it('is made once, whoever asks', () => {
    const one = responder()
    expect(one.banAnswer(verdict('ban'), 'a', '*/*')).toBe(one.banAnswer(verdict('captcha'), 'b', 'text/html'))
  })

  test.each([
    [404, 'Not Found'],
    [429, 'Too Many Requests'],
    [599, 'Access denied'],
  ])('has the status %i in all places', (banReturnCode, title) => {
    const answer = responder({ banReturnCode }).banAnswer(verdict('ban'), 'x', 'application/problem+json')
    expect(answer.status).toBe(banReturnCode)
    expect(JSON.parse(answer.body)).toMatchObject({ status: banReturnCode, title })
  })

  it('is the template where HTML is wanted, with the visitor’s address, and its length in bytes', () => {
    const one = responder({ banTemplatePath: template, banReturnCode: 429 })
    const answer = one.banAnswer(verdict('captcha'), '<b>', 'text/html')
    expect(answer.body).toBe('<h1>429 captcha &lt;b&gt; ä</h1>')
    expect(answer).toMatchObject({ status: 429, headers: { 'content-length': '33', vary: 'Accept' } })
    expect(one.banAnswer(verdict('ban'), 'x', 'application/json').body).toContain('"forbidden"')
  })

  it('is a redirect, whatever is accepted', () => {
    const banRedirect = 'https://example.com/sorry'
    expect(responder({ banRedirect, banTemplatePath: template }).banAnswer(verdict('ban'), 'x', 'text/plain')).toEqual({
      status: 303,
      headers: { 'cache-control': 'no-store', 'content-length': '0', location: banRedirect },
      body: '',
    })
  })

  it('a template that is missing at start is a mistake with a name', () => {
    expect(() => responder({ banTemplatePath: join(folder, 'none.html') })).toThrow(
      expect.objectContaining({ code: 'ERR_CSB_CONFIG', message: expect.stringContaining('banTemplatePath') }),
    )
  })
})

describe('Retry-After', () => {
  test.each([
    [3_600_000, '3600'],
    [1_001, '2'],
    [10, '1'],
    [-5_000, '1'],
  ])('of a decision that ends in %i ms is %s', (milliseconds, seconds) => {
    const { headers } = responder({ retryAfter: true }).banAnswer(verdict('ban', milliseconds), 'x', '*/*')
    expect(Math.abs(Number(headers['retry-after']) - Number(seconds))).toBeLessThanOrEqual(milliseconds > 1000 ? 1 : 0)
  })

  it('is not told unless asked for, nor where no decision says when', () => {
    expect(responder().banAnswer(verdict('ban', 1000), 'x', '*/*').headers).not.toHaveProperty('retry-after')
    const { headers } = responder({ retryAfter: true }).banAnswer(verdict('ban'), 'x', '*/*')
    expect(headers).not.toHaveProperty('retry-after')
  })

  it('goes with a redirect too', () => {
    const one = responder({ retryAfter: true, banRedirect: 'https://example.com/' })
    expect(one.banAnswer(verdict('ban', 60_000), 'x', '*/*').headers).toMatchObject({
      location: 'https://example.com/',
      'retry-after': expect.stringMatching(/^(59|60)$/),
    })
  })
})

describe('an answer of the user’s own', () => {
  it('takes the place of everything else', () => {
    const banAnswer = ({ action }: Verdict) => ({ status: 451, headers: {}, body: action })
    const one = responder({ banAnswer, banRedirect: 'https://example.com/', retryAfter: true })
    expect(one.banAnswer(verdict('captcha', 1000), 'x', '*/*')).toEqual({
      status: 451,
      headers: { 'cache-control': 'no-store', 'content-length': '7' },
      body: 'captcha',
    })
    expect(errors).toEqual([])
  })

  test.each<[string, () => unknown, string]>([
    [
      'throws',
      () => {
        throw new Error('my fault')
      },
      'my fault',
    ],
    [
      'throws no error',
      () => {
        throw 'a text'
      },
      'a text',
    ],
    ['returns nothing', () => undefined, 'expected { status, headers, body }, got undefined'],
    [
      'is asynchronous',
      async () => ({ status: 403, headers: {}, body: '' }),
      'expected an answer at once, got a promise',
    ],
    ['rejects', () => Promise.reject(new Error('unheard')), 'expected an answer at once, got a promise'],
    [
      'returns a header that would split the answer',
      () => ({ status: 403, headers: { a: 'b\n' }, body: '' }),
      'Invalid character in header content ["a"]',
    ],
  ])('that %s: the usual one is given, and it is told', (_name, banAnswer, message) => {
    const one = responder({ banAnswer: banAnswer as ResponderOptions['banAnswer'] })
    expect(one.banAnswer(verdict('ban'), 'x', 'text/plain').body).toBe('Access denied\n')
    expect(errors).toEqual([`banAnswer failed, and the usual answer is given: ${message}`])
  })
})
