/** `/check` over real HTTP: answers, refusals and what must not be believed. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CheckedVerdict } from '../../src/server/checked-bouncer.js'
import { ask, ban, memoryLogger, startService } from './service.js'

describe('GET', () => {
  test.each<[string, unknown]>([
    ['/check?ip=203.0.113.7', { ip: '203.0.113.7', action: 'ban', decision: ban }],
    ['/check?ip=192.0.2.1', { ip: '192.0.2.1', action: 'allow', decision: null }],
    ['/check?ip=2001:db8::1', { ip: '2001:db8::1', action: 'allow', decision: null }],
    ['/check?ip=2001%3Adb8%3a%3A1', { ip: '2001:db8::1', action: 'allow', decision: null }],
    ['/check?ip=fe80::1%25eth0', { ip: 'fe80::1%eth0', action: 'allow', decision: null }],
    ['/check?ip=fe80::1%eth0', { ip: 'fe80::1%eth0', action: 'allow', decision: null }],
    ['/check?ip=fe80::1%25%22x', { ip: 'fe80::1%"x', action: 'allow', decision: null }],
    ['/check?a=b&ip=203.0.113.7&c', { ip: '203.0.113.7', action: 'ban', decision: ban }],
    ['http://127.0.0.1/check?ip=203.0.113.7', { ip: '203.0.113.7', action: 'ban', decision: ban }],
  ])('%s', async (path, expected) => {
    const { port } = await startService()
    const answer = await ask(port, path)
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.text)).toEqual(expected)
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'content-length': String(answer.text.length),
    })
    expect(answer.headers).not.toHaveProperty('x-powered-by')
  })

  const usage = 'expected one IP address in the query, as in /check?ip=203.0.113.7'
  test.each([
    ['/check', 'ERR_CSB_BAD_REQUEST', usage],
    ['/check?', 'ERR_CSB_BAD_REQUEST', usage],
    ['/check?ip', 'ERR_CSB_BAD_REQUEST', usage],
    ['/check?xip=203.0.113.7', 'ERR_CSB_BAD_REQUEST', usage],
    ['/check?IP=203.0.113.7', 'ERR_CSB_BAD_REQUEST', usage],
    ['/check?ip=192.0.2.1&ip=203.0.113.7', 'ERR_CSB_BAD_REQUEST', usage],
    ['/check?ip=', 'ERR_CSB_BAD_ADDRESS', 'expected an IPv4 or IPv6 address, got ""'],
    ['/check?ip=nonsense', 'ERR_CSB_BAD_ADDRESS', 'expected an IPv4 or IPv6 address, got "nonsense"'],
    ['/check?ip=192.0.2.01', 'ERR_CSB_BAD_ADDRESS', 'expected an IPv4 or IPv6 address, got "192.0.2.01"'],
    ['/check?ip=192.0.2.0/24', 'ERR_CSB_BAD_ADDRESS', 'expected an IPv4 or IPv6 address, got "192.0.2.0/24"'],
    ['/check?ip=%zz', 'ERR_CSB_BAD_ADDRESS', 'expected an IPv4 or IPv6 address, got "%zz"'],
    ['/check?ip=%22%0d%0a', 'ERR_CSB_BAD_ADDRESS', 'expected an IPv4 or IPv6 address, got "\\"\\r\\n"'],
    [
      `/check?ip=${'1'.repeat(99)}`,
      'ERR_CSB_BAD_ADDRESS',
      `expected an IPv4 or IPv6 address, got "${'1'.repeat(60)}..."`,
    ],
  ])('%s is refused', async (path, code, message) => {
    const { port } = await startService()
    const answer = await ask(port, path)
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.text)).toEqual({ error: { code, message } })
  })

  test('says what any bouncer says, as JSON', async () => {
    const text = fc.string({ unit: 'binary' })
    const decision = fc.record({
      id: fc.oneof(fc.nat(), text, fc.constant(null)),
      origin: text,
      scenario: text,
      scope: text,
      value: text,
      type: text,
      until: text,
    })
    let verdict: { action: string; decision: typeof ban | null } = { action: '', decision: null }
    const { port } = await startService({ ask: () => verdict })
    await fc.assert(
      fc.asyncProperty(text, fc.option(decision), async (action, held) => {
        verdict = { action, decision: held }
        const { text: answer } = await ask(port, '/check?ip=192.0.2.1')
        // JSON.parse(JSON.stringify()) is what a lone surrogate half survives as, too.
        expect(JSON.parse(answer)).toEqual(
          JSON.parse(Buffer.from(JSON.stringify({ ip: '192.0.2.1', ...verdict })).toString()),
        )
      }),
      { numRuns: 50 },
    )
  })
})

test('HEAD is a GET without the body', async () => {
  const { port } = await startService()
  const [head, get] = await Promise.all([
    ask(port, '/check?ip=203.0.113.7', { method: 'HEAD' }),
    ask(port, '/check?ip=203.0.113.7'),
  ])
  const { date: _, ...headers } = get.headers
  expect([head.status, head.text]).toEqual([200, ''])
  expect(head.headers).toMatchObject(headers)
})

describe('POST', () => {
  const post = (port: number, body: string) => ask(port, '/check', { method: 'POST', body })

  test('answers in order', async () => {
    const { port } = await startService()
    const answer = await post(port, '{"ips":["192.0.2.1","203.0.113.7","192.0.2.1"]}')
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.text)).toEqual({
      results: [
        { ip: '192.0.2.1', action: 'allow', decision: null },
        { ip: '203.0.113.7', action: 'ban', decision: ban },
        { ip: '192.0.2.1', action: 'allow', decision: null },
      ],
    })
  })

  test('takes none and takes a thousand', async () => {
    const { port } = await startService()
    expect(JSON.parse((await post(port, '{"ips":[]}')).text)).toEqual({ results: [] })
    const ips = Array.from({ length: 1_000 }, (_, index) => `2001:db8:ffff:ffff:ffff:ffff:ffff:${index.toString(16)}`)
    const { results } = JSON.parse((await post(port, JSON.stringify({ ips }))).text)
    expect(results.map(({ ip }: { ip: string }) => ip)).toEqual(ips)
  })

  const usage = 'expected a JSON body such as {"ips":["203.0.113.7"]}'
  test.each([
    ['', 'ERR_CSB_BAD_REQUEST', usage],
    ['{', 'ERR_CSB_BAD_REQUEST', usage],
    ['null', 'ERR_CSB_BAD_REQUEST', usage],
    ['["192.0.2.1"]', 'ERR_CSB_BAD_REQUEST', usage],
    ['{"ips":"192.0.2.1"}', 'ERR_CSB_BAD_REQUEST', usage],
    ['{"ips":["192.0.2.1","x"]}', 'ERR_CSB_BAD_ADDRESS', 'ips[1]: expected an IPv4 or IPv6 address as text, got "x"'],
    ['{"ips":[1]}', 'ERR_CSB_BAD_ADDRESS', 'ips[0]: expected an IPv4 or IPv6 address as text, got "1"'],
    [
      '{"ips":["192.0.2.1",null]}',
      'ERR_CSB_BAD_ADDRESS',
      'ips[1]: expected an IPv4 or IPv6 address as text, got "null"',
    ],
  ])('%s is refused', async (body, code, message) => {
    const { port } = await startService()
    const answer = await post(port, body)
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.text)).toEqual({ error: { code, message } })
  })

  test('1001 addresses are refused', async () => {
    const { port } = await startService()
    const answer = await post(port, JSON.stringify({ ips: Array(1_001).fill('192.0.2.1') }))
    expect(answer.status).toBe(400)
    expect(answer.text).toContain('expected at most 1000 addresses, got 1001')
  })

  test.each([
    ['just within the limit', 128 * 1024, 200],
    ['one byte above', 128 * 1024 + 1, 413],
    ['2 MiB', 2 * 1024 * 1024, 413],
  ])('a body %s', async (_, size, status) => {
    const { port } = await startService()
    const answer = await post(port, '{"ips":[]}'.padEnd(size))
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.text)).toHaveProperty(status === 200 ? 'results' : 'error.code')
  })
})

test.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s is the wrong method', async (method) => {
  const { port } = await startService()
  const answer = await ask(port, '/check?ip=203.0.113.7', { method })
  expect(answer.status).toBe(405)
  expect(answer.headers['allow']).toBe('GET, HEAD, POST')
  expect(JSON.parse(answer.text).error).toEqual({
    code: 'ERR_CSB_BAD_REQUEST',
    message: `expected the method GET, HEAD or POST, got ${method}`,
  })
})

test.each([
  ['GET', {}],
  ['POST', { method: 'POST', body: '{"ips":["192.0.2.1"]}' }],
])('a failure at %s is a 500 without the reason, which is logged', async (_, options) => {
  const logger = memoryLogger()
  const checkFails = () => {
    throw new Error('s3cr3t reason')
  }
  const { port } = await startService({ ask: checkFails }, logger)
  const answer = await ask(port, '/check?ip=192.0.2.1', options)
  expect(answer.status).toBe(500)
  expect(JSON.parse(answer.text)).toEqual({
    error: { code: 'ERR_CSB_INTERNAL', message: 'the request could not be answered' },
  })
  expect(logger.lines.join()).toContain('s3cr3t reason')
})

describe('a bouncer that has to ask first', () => {
  const later = (verdict: CheckedVerdict) => new Promise<CheckedVerdict>((resolve) => setImmediate(resolve, verdict))
  const verdictOn = (address: string): CheckedVerdict =>
    address.endsWith('7') ? { action: 'ban', decision: ban } : { action: 'allow', decision: null }

  test('about one address is waited for', async () => {
    const { port } = await startService({ ask: (address) => later(verdictOn(address)) })
    const answer = await ask(port, '/check?ip=192.0.2.7')
    expect([answer.status, JSON.parse(answer.text)]).toEqual([200, { ip: '192.0.2.7', action: 'ban', decision: ban }])
  })

  test('about some of many is waited for, and asks about a few at a time', async () => {
    let asking = 0
    let most = 0
    const { port } = await startService({
      async ask(address) {
        most = Math.max(most, ++asking)
        const verdict = await later(verdictOn(address))
        asking--
        return verdict
      },
    })
    const ips = Array.from({ length: 1000 }, (_, index) => `192.0.${index >> 8}.${index & 255}`)
    const answer = await ask(port, '/check', { method: 'POST', body: JSON.stringify({ ips }) })
    const { results } = JSON.parse(answer.text) as { results: { ip: string; action: string }[] }
    expect(results.map(({ ip }) => ip)).toEqual(ips)
    expect(results.map(({ action }) => action)).toEqual(ips.map((ip) => verdictOn(ip).action))
    expect([most, asking]).toEqual([16, 0])
  })

  test('now and then keeps the order', async () => {
    const { port } = await startService({
      ask: (address) => (Number(address.split('.')[3]) % 3 === 0 ? later(verdictOn(address)) : verdictOn(address)),
    })
    const ips = Array.from({ length: 200 }, (_, index) => `192.0.2.${index}`)
    const answer = await ask(port, '/check', { method: 'POST', body: JSON.stringify({ ips }) })
    const { results } = JSON.parse(answer.text) as { results: { ip: string; action: string }[] }
    expect(results.map(({ ip, action }) => [ip, action])).toEqual(ips.map((ip) => [ip, verdictOn(ip).action]))
  })
})
