import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { USER_AGENT, VERSION } from '../src/version.js'

it('is the one in package.json, and the user agent has exactly one slash', () => {
  const manifest: { version: string } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  expect(VERSION).toBe(manifest.version)
  expect(USER_AGENT).toMatch(/^crowdsec-nodejs-bouncer\/v\d+\.\d+\.\d+$/)
})
