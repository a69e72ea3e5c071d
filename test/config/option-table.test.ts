/** `docs/options.md` is what the schema says; `npm run docs:options` writes it anew. */

import { expect, test } from 'vitest'
import { optionTable } from '../../src/config/option-table.js'

test('docs/options.md is up to date', async () => {
  await expect(optionTable()).toMatchFileSnapshot('../../docs/options.md')
})
