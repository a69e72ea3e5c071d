/** Countries and AS numbers from MMDB files that the tests write: what is found, and files that are bad, cut or replaced. */

import { linkSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { FileWatch } from '../../src/file-watch.js'
import { MmdbResolver } from '../../src/geo/mmdb-resolver.js'
import { silentLogger } from '../../src/logger.js'
import { hangingFile } from '../hanging-file.js'
import { type MmdbValue, writeMmdb } from './mmdb-writer.js'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'geo-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

/** Puts a file in place in one step. */
function put(path: string, content: Buffer): void {
  writeFileSync(`${path}.new`, content)
  renameSync(`${path}.new`, path)
}

function fileOf(content: Buffer): string {
  const path = join(folder(), 'test.mmdb')
  put(path, content)
  return path
}

async function start(files: { countryFile?: string; asnFile?: string }, lines: string[] = []): Promise<MmdbResolver> {
  const note = (line: string) => void lines.push(line)
  const resolver = new MmdbResolver({ ...files, logger: { ...silentLogger, info: note, error: note }, interval: 20 })
  onTestFinished(() => resolver.stop())
  await resolver.start()
  return resolver
}

const france = { country: { iso_code: 'FR' } }
const countries = writeMmdb([
  ['192.0.2.0/24', france],
  ['192.0.2.128/25', { country: { iso_code: 'DE' } }],
  ['2001:db8::/32', { country: { iso_code: 'JP' } }],
])

describe('the place of', () => {
  it.each([
    ['192.0.2.1', { country: 'FR', as: '64500' }],
    ['192.0.2.129', { country: 'DE', as: '64500' }],
    ['2001:db8::1', { country: 'JP', as: undefined }],
    ['198.51.100.1', { country: undefined, as: '64501' }],
    ['203.0.113.1', null],
    ['2001:db9::1', null],
    ['not an address', null],
    ['', null],
    ['192.0.2.1:80', null],
  ])('%s', async (address, place) => {
    const asns = writeMmdb([
      ['192.0.2.0/24', { autonomous_system_number: 64500, autonomous_system_organization: 'Test' }],
      ['198.51.100.0/24', { autonomous_system_number: 64501 }],
    ])
    const resolver = await start({ countryFile: fileOf(countries), asnFile: fileOf(asns) })
    expect(resolver.locate(address)).toEqual(place)
  })

  it.each<[MmdbValue, string | undefined, string | undefined]>([
    [{ country: { iso_code: 'FR' }, registered_country: { iso_code: 'US' } }, 'FR', undefined],
    [{ registered_country: { iso_code: 'US' }, represented_country: { iso_code: 'GB' } }, 'US', undefined],
    [{ represented_country: { iso_code: 'GB' } }, 'GB', undefined],
    [{ country: 'France', country_code: 'FR', asn: 'AS64500' }, 'FR', '64500'],
    [{ country: 'FR', asn: '64500' }, 'FR', '64500'],
    [{ continent: { code: 'EU' } }, undefined, undefined],
    ['FR', undefined, undefined],
  ])('a record like %j', async (record, country, as) => {
    const path = fileOf(writeMmdb([['192.0.2.0/24', record]]))
    const resolver = await start({ countryFile: path, asnFile: path })
    expect(resolver.locate('192.0.2.1')).toEqual(country === undefined && as === undefined ? null : { country, as })
  })
})

describe('a file', () => {
  it.each([
    ['that is cut in half', countries.subarray(0, countries.length / 2)],
    ['that lacks its beginning', countries.subarray(countries.length / 2)],
    ['that is empty', Buffer.alloc(0)],
    ['that is something else', Buffer.from('<html>Please log in</html>')],
  ])('%s is an error at the start that names it', async (_name, content) => {
    const countryFile = fileOf(Buffer.from(content))
    await expect(start({ countryFile })).rejects.toMatchObject({
      code: 'ERR_CSB_GEOIP',
      message: expect.stringContaining(`The MMDB file ${countryFile} cannot be used`),
    })
  })

  it('that is missing is told, and used as soon as it is there', async () => {
    const countryFile = join(folder(), 'later.mmdb')
    const resolver = new MmdbResolver({ countryFile, logger: silentLogger, interval: 20 })
    onTestFinished(() => resolver.stop())
    await expect(resolver.start()).rejects.toThrow(`${countryFile} cannot be used: ENOENT`)
    expect(resolver.locate('192.0.2.1')).toBeNull()
    put(countryFile, countries)
    await expect.poll(() => resolver.locate('192.0.2.1')).toEqual({ country: 'FR' })
  })

  it('that is replaced is read again; by a bad one, the old one stays', async () => {
    const lines: string[] = []
    const countryFile = fileOf(countries)
    const resolver = await start({ countryFile }, lines)
    put(countryFile, countries.subarray(0, countries.length / 2))
    await expect.poll(() => lines).toEqual([expect.stringContaining('the database read before stays in use')])
    expect(resolver.locate('192.0.2.1')).toEqual({ country: 'FR' })
    put(countryFile, writeMmdb([['192.0.2.0/24', { country: { iso_code: 'ES' } }]]))
    await expect.poll(() => resolver.locate('192.0.2.1')).toEqual({ country: 'ES' })
    await expect.poll(() => lines[1]).toContain('was replaced and is read again')
  })

  it('that cannot be read is tried again, though it stays as it is, and told once until it can', async () => {
    const told: string[] = []
    const repeated: string[] = []
    // A look in the moment of the exchange may find nothing at all, which is another failure.
    const error = (line: string) => void (line.includes('ENOENT') || told.push(line))
    const logger = { ...silentLogger, error, debug: (line: string) => void repeated.push(line) }
    const countryFile = join(folder(), 'test.mmdb')
    mkdirSync(countryFile) // it can be looked at, but not read
    const resolver = new MmdbResolver({ countryFile, logger, interval: 5 })
    onTestFinished(() => resolver.stop())
    const putAway = async () => {
      await expect.poll(() => repeated.length).toBeGreaterThan(2)
      rmSync(countryFile, { recursive: true })
      repeated.length = 0
      put(countryFile, countries)
      await expect.poll(() => resolver.locate('192.0.2.1')).toEqual({ country: 'FR' })
    }
    await expect(resolver.start()).rejects.toThrow('EISDIR')
    await putAway()
    expect(told).toEqual([expect.stringContaining('EISDIR')])
    rmSync(countryFile)
    mkdirSync(countryFile)
    await putAway()
    expect(told).toEqual([expect.stringContaining('EISDIR'), expect.stringContaining('EISDIR')])
  })

  it('that is replaced while it is read is the last one in the end, however long the first one takes', async () => {
    const [path, pipe] = [join(folder(), 'test.mmdb'), hangingFile()]
    linkSync(pipe, path)
    const lines: string[] = []
    const info = (line: string) => void lines.push(line)
    const resolver = new MmdbResolver({ countryFile: path, logger: { ...silentLogger, info }, interval: 5 })
    onTestFinished(() => resolver.stop())
    const started = resolver.start()
    const first = await open(pipe, 'w') // somebody reads it now
    await new Promise<void>((resolve) => {
      const watch = new FileWatch({ path, interval: 20, changed: resolve }) // slower than the one that is tested
      onTestFinished(() => watch.stop())
      void watch.start().then(() => put(path, writeMmdb([['192.0.2.0/24', { country: { iso_code: 'ES' } }]])))
    })
    await first.writeFile(countries)
    await first.close()
    await started
    await expect.poll(() => lines).toEqual([expect.stringContaining('is read again')])
    expect(resolver.locate('192.0.2.1')).toEqual({ country: 'ES' })
  })
})
