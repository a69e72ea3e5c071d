/** Where a service listens, as a person may write it, and the URL that leads there. */

import { expect, test } from 'vitest'
import { parseListenAddress, urlOf } from '../../src/config/kinds/listen-address.js'

test.each([
  ['127.0.0.1:8088', '127.0.0.1', 8088, 'http://127.0.0.1:8088'],
  ['8088', '127.0.0.1', 8088, 'http://127.0.0.1:8088'],
  ['0', '127.0.0.1', 0, 'http://127.0.0.1:0'],
  ['localhost:1', 'localhost', 1, 'http://localhost:1'],
  ['0.0.0.0:65535', '0.0.0.0', 65_535, 'http://127.0.0.1:65535'],
  ['[::1]:80', '::1', 80, 'http://[::1]:80'],
  ['[::]:80', '::', 80, 'http://[::1]:80'],
])('%s', (text, host, port, url) => {
  const address = parseListenAddress(text)
  expect(address).toEqual({ host, port })
  expect(address && urlOf(address)).toBe(url)
})

test.each([
  '',
  ':8088',
  '65536',
  '127.0.0.1:',
  '127.0.0.1',
  '::1:80',
  '[::1]',
  '[x]:1',
  'http://a:1',
  'a b:1',
  '-1',
  '1.5',
])('%j is none', (text) => {
  expect(parseListenAddress(text)).toBe(null)
})
