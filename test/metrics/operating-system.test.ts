import { writeFileSync } from 'node:fs'
import { release, type } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { operatingSystem } from '../../src/metrics/operating-system.js'
import { temporaryDirectory } from '../temporary-directory.js'

function file(text: string): string {
  const path = join(temporaryDirectory(), 'os-release')
  writeFileSync(path, text)
  return path
}

test.each([
  ['PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n', { name: 'debian', version: '12' }],
  ["NAME='Alpine Linux'\nID=alpine\nVERSION_ID=3.20.1\n", { name: 'alpine', version: '3.20.1' }],
  ['ID=arch\nBUILD_ID=rolling\n', { name: 'arch', version: 'rolling' }],
  ['ID=void\n', { name: 'void', version: '' }],
  [`ID=x\nVERSION_ID=${'9'.repeat(300)}\n`, { name: 'x', version: '9'.repeat(255) }],
  ['\0\0garbage', { name: type().toLowerCase(), version: release() }],
])('%j', (text, system) => {
  expect(operatingSystem(file(text))).toEqual(system)
})

test('a system without the file names its kernel', () => {
  expect(operatingSystem('/does/not/exist')).toEqual({ name: type().toLowerCase(), version: release() })
})
