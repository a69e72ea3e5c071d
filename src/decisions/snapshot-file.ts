/**
 * A decision store in a file: written beside the old one and renamed, so that there is a whole file or none; read whole and
 * checked before anything of it counts.
 *
 *   "CSBSNAP" and the format's version | SHA-256 of the settings | blocks | -1 | CRC-32 of everything before
 *   block: number of words, words (little-endian, like every machine that Node runs on but one)
 */

import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { BouncerError } from '../errors.js'
import { messageOf, systemCodeOf } from '../thrown.js'
import type { DecisionStore } from './decision-store.js'

/** Goes up whenever what a page or a row means changes. */
const VERSION = 1
const MAGIC = Buffer.from(`CSBSNAP${String.fromCharCode(VERSION)}`, 'latin1')
const HEADER_BYTES = MAGIC.length + 32
const END_OF_BLOCKS = -1
const CHUNK = 1 << 20
/** How the name of a temporary file goes on after that of the snapshot and a dot. */
const LEFTOVER = /^[0-9a-f-]{36}\.tmp$/
/** Milliseconds since the last write, after which nobody is writing any more. */
const AGE_OF_LEFTOVERS = 3_600_000

/** Writes the store, which must not change meanwhile. Throws `ERR_CSB_SNAPSHOT`; a former file is then still there. */
export async function writeSnapshot(path: string, settings: string, store: DecisionStore): Promise<void> {
  await removeLeftovers(path).catch(() => {})
  const temporary = `${path}.${randomUUID()}.tmp` // pids are the same in containers on one volume
  try {
    const file = await open(temporary, 'w', 0o600)
    try {
      await writeBlocks(file, settings, store)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw failure(`snapshot_file ${path} cannot be written`, error)
  }
}

/** Those of writers that were killed. A young one may be another process's, and still be written. */
async function removeLeftovers(path: string): Promise<void> {
  const start = `${basename(path)}.`
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(start) || !LEFTOVER.test(name.slice(start.length))) continue
    const leftover = join(dirname(path), name)
    if (Date.now() - (await stat(leftover)).mtimeMs > AGE_OF_LEFTOVERS) await rm(leftover, { force: true })
  }
}

async function writeBlocks(file: FileHandle, settings: string, store: DecisionStore): Promise<void> {
  let checksum = 0
  const write = async (bytes: Uint8Array) => {
    if (bytes.length === 0) return // of nothing, zlib's crc32 forgets what came before
    checksum = crc32(bytes, checksum)
    await file.writeFile(bytes)
  }
  await write(Buffer.concat([MAGIC, digest(settings)]))
  for (const block of store.blocks()) {
    await write(bytesOf(Int32Array.of(block.length)))
    await write(bytesOf(block))
  }
  await write(bytesOf(Int32Array.of(END_OF_BLOCKS)))
  await file.writeFile(bytesOf(Int32Array.of(checksum | 0)))
}

/**
 * Fills a fresh store from the file; false if there is none. Throws `ERR_CSB_SNAPSHOT` if the file is damaged, of another
 * version or made under other settings: the store is then of no use.
 */
export async function readSnapshot(path: string, settings: string, store: DecisionStore): Promise<boolean> {
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false
    throw failure(`snapshot_file ${path} cannot be read`, error)
  }
  try {
    const { size, mtimeMs } = await file.stat()
    const reader = new SnapshotReader(file, size)
    await reader.verify(settings)
    // A clock that is behind the file, as it is before NTP has set it, would prolong every decision by what it lacks.
    await store.restore(() => reader.takeBlock(), mtimeMs)
    return true
  } catch (error) {
    throw failure(`snapshot_file ${path} is not used`, error)
  } finally {
    await file.close()
  }
}

class SnapshotReader {
  readonly #file: FileHandle
  readonly #size: number
  #position = 0

  constructor(file: FileHandle, size: number) {
    this.#file = file
    this.#size = size
  }

  /** Throws unless every byte is as it was written; afterwards the blocks can be taken and trusted. */
  async verify(settings: string): Promise<void> {
    const header = await this.#read(Math.min(HEADER_BYTES, this.#size))
    if (!header.subarray(0, MAGIC.length - 1).equals(MAGIC.subarray(0, -1))) throw new Error('it is no snapshot')
    if (header[MAGIC.length - 1] !== VERSION) throw new Error('it is of another version')
    const end = this.#size - 4
    let checksum = crc32(header)
    while (this.#position < end) checksum = crc32(await this.#read(Math.min(CHUNK, end - this.#position)), checksum)
    if (this.#position !== end || (await this.#read(4)).readInt32LE() !== (checksum | 0))
      throw new Error('it is damaged')
    if (!header.subarray(MAGIC.length).equals(digest(settings))) throw new Error('it was made under other settings')
    this.#position = HEADER_BYTES
  }

  async takeBlock(): Promise<Int32Array> {
    const length = (await this.#read(4)).readInt32LE()
    if (length === END_OF_BLOCKS) throw new Error('it has too few blocks')
    const bytes = await this.#read(length * 4)
    return new Int32Array(bytes.buffer, 0, length)
  }

  async #read(length: number): Promise<Buffer> {
    const bytes = Buffer.from(new ArrayBuffer(length))
    for (let filled = 0; filled < length; ) {
      const { bytesRead } = await this.#file.read(bytes, filled, length - filled, this.#position + filled)
      if (bytesRead === 0) throw new Error('it is cut off')
      filled += bytesRead
    }
    this.#position += length
    return bytes
  }
}

function bytesOf(words: Int32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
}

function digest(settings: string): Buffer {
  return createHash('sha256').update(settings).digest()
}

function failure(what: string, error: unknown): BouncerError {
  const reason = messageOf(error)
  // The message may name the temporary file, which is another one each time.
  const known = { cause: error, reason: `${what}: ${systemCodeOf(error) ?? reason}` }
  return new BouncerError('ERR_CSB_SNAPSHOT', `${what}: ${reason}`, known)
}
