/** `docs/errors.md` has a section for every code, and no section for none. */

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { bouncerErrorCodes } from '../src/errors.js'

const page = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8')
const sections = page.split(/^## /m).slice(1)

test('every code has its section, in the order of the code', () => {
  expect(sections.map((section) => section.split('\n')[0])).toEqual(bouncerErrorCodes)
})

test.each(sections.map((section) => [section.split('\n')[0], section]))('%s tells cause and cure', (_, section) => {
  expect(section).toMatch(/\n- Cause: .+\n- Cure: .+/s)
})
