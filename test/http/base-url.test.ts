import { describe, expect, test } from 'vitest'
import { parseBaseUrl } from '../../src/http/base-url.js'

describe('is', () => {
  test.each([
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080/', null],
    ['https://lapi.example/crowdsec', 'https://lapi.example/crowdsec/', null],
    ['https://lapi.example/crowdsec/', 'https://lapi.example/crowdsec/', null],
    ['unix:/run/crowdsec.sock', 'unix:/run/crowdsec.sock', '/run/crowdsec.sock'],
    ['unix:///run/crowdsec.sock', 'unix:/run/crowdsec.sock', '/run/crowdsec.sock'],
    ['http://unix:/run/crowdsec.sock', 'unix:/run/crowdsec.sock', '/run/crowdsec.sock'],
    ['http://unix.example/run', 'http://unix.example/run/', null],
  ])('%s', (text, target, socketPath) => {
    expect(parseBaseUrl(text)).toMatchObject({ target, socketPath })
  })
})

describe('is not', () => {
  test.each([
    '',
    '127.0.0.1:8080',
    'ftp://lapi',
    '/run/crowdsec.sock',
    'unix:',
    'unix:/',
    'unix:run.sock',
    'unix://run.sock',
    'https://unix:/run/crowdsec.sock',
  ])('%s', (text) => {
    expect(parseBaseUrl(text)).toBeNull()
  })
})
