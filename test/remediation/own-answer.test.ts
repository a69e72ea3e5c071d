import { describe, expect, test } from 'vitest'
import { readOwnAnswer } from '../../src/remediation/own-answer.js'

describe('a good answer is completed', () => {
  test.each([
    [
      'as it is',
      { status: 451, headers: { 'content-type': 'text/plain' }, body: 'no' },
      451,
      { 'cache-control': 'no-store', 'content-type': 'text/plain', 'content-length': '2' },
    ],
    ['no headers', { status: 403, body: '' }, 403, { 'cache-control': 'no-store', 'content-length': '0' }],
    [
      'names in any case',
      { status: 403, headers: { 'Cache-Control': 'max-age=5', 'X-A': 'b' }, body: '' },
      403,
      { 'cache-control': 'max-age=5', 'x-a': 'b', 'content-length': '0' },
    ],
    [
      'the length is counted, not believed',
      { status: 403, headers: { 'Content-Length': '1', 'Transfer-Encoding': 'chunked' }, body: 'äö€' },
      403,
      { 'cache-control': 'no-store', 'content-length': '7' },
    ],
    [
      'a redirect',
      { status: 302, headers: { location: '/sorry' }, body: '' },
      302,
      { 'cache-control': 'no-store', location: '/sorry', 'content-length': '0' },
    ],
  ])('%s', (_name, answer, status, headers) => {
    expect(readOwnAnswer(answer)).toEqual({ status, headers, body: answer.body })
  })
})

describe('a bad one says what was expected', () => {
  test.each([
    [undefined, 'expected { status, headers, body }, got undefined'],
    [null, 'expected { status, headers, body }, got null'],
    ['<html>', 'expected { status, headers, body }, got string'],
    [{ body: '' }, 'expected an HTTP status from 200 to 599 as status, got undefined'],
    [{ status: '403', body: '' }, 'expected an HTTP status from 200 to 599 as status, got string'],
    [{ status: 99, body: '' }, 'expected an HTTP status from 200 to 599 as status, got number'],
    [{ status: 1000, body: '' }, 'expected an HTTP status from 200 to 599 as status, got number'],
    [{ status: 403.5, body: '' }, 'expected an HTTP status from 200 to 599 as status, got number'],
    [{ status: 403 }, 'expected a text as body, got undefined'],
    [{ status: 403, body: Buffer.from('x') }, 'expected a text as body, got object'],
    [{ status: 403, body: '', headers: ['x'] }, 'expected an object with texts as headers, got object'],
    [{ status: 403, body: '', headers: { 'x-a': 5 } }, 'expected a text as the header x-a, got number'],
    [{ status: 403, body: '', headers: { 'x a': 'b' } }, 'Header name must be a valid HTTP token ["x a"]'],
    [
      { status: 403, body: '', headers: { 'x-a': 'b\r\nset-cookie: c' } },
      'Invalid character in header content ["x-a"]',
    ],
  ])('%j', (answer, message) => {
    expect(() => readOwnAnswer(answer)).toThrow(expect.objectContaining({ name: 'TypeError', message }))
  })
})
