/** Who a machine is to CAPI: an id derived from a key as the Python SDK does it, or a random one. */

import { createHash, randomInt } from 'node:crypto'
import { BouncerError } from '../../errors.js'
import { quoted } from '../../quoted.js'

/** What a login demands (swagger of CAPI v3): so many ASCII letters and digits. */
export const MACHINE_ID_LENGTH = 48

/** The id itself; throws `ERR_CSB_CONFIG` for what no caller with types would give. Whether CAPI takes it, CAPI says. */
export function requireMachineId(given: unknown): string {
  if (typeof given === 'string' && given !== '') return given
  throw new BouncerError('ERR_CSB_CONFIG', `machine id: expected a text, got ${whatCame(given)}`)
}

/** The same for several. A text would be a list of letters, each of them a machine. */
export function requireMachineIds(given: unknown): readonly string[] {
  if (typeof given === 'object' && given !== null && Symbol.iterator in given) {
    return Array.from(given as Iterable<unknown>, requireMachineId)
  }
  throw new BouncerError('ERR_CSB_CONFIG', `machine ids: expected a list of texts, got ${whatCame(given)}`)
}

function whatCame(given: unknown): string {
  if (given === '') return 'an empty text'
  if (typeof given === 'string') return 'a text'
  if (typeof given === 'object' && given !== null) return 'an object'
  return given === null || given === undefined ? String(given) : `a ${typeof given}`
}

export interface MachineIdOptions {
  /** Stands before the hash and is hashed with the key. Default empty. CAPI wants letters and digits only. */
  readonly prefix?: string | undefined
  /** Characters, of which there are 64 at most; below 0, so many fewer than all. Default 48. */
  readonly length?: number | undefined
  /**
   * What `length` counts. `hash` (default): the hash alone, so that an id with a prefix is longer than CAPI takes, as with the
   * Python SDK. `whole`: prefix and hash together; of the hash 16 characters must be left.
   */
  readonly total?: 'hash' | 'whole' | undefined
}

/** Of a hash in hexadecimal: as few as still tell the keys of many machines apart. */
const LEAST_HASH = 16

/**
 * The prefix, then the SHA-256 of prefix and key in hexadecimal: what `generate_machine_id_from_key` of the Python SDK (0.7.0)
 * gives, for whole numbers too. There is no salt: who can guess the key has the id. Throws `ERR_CSB_CONFIG` where the key is
 * neither text nor number, or the text is empty, or it is not Unicode (a lone surrogate), which Node would hash like any other such
 * text; and for options with which other keys would have the same id.
 */
export function generateMachineId(key: string | number | bigint, options: MachineIdOptions = {}): string {
  // Of these, and of an empty text, everybody who forgot to set a key would have the same id.
  if (key === '' || !['string', 'number', 'bigint'].includes(typeof key)) {
    throw refusal('a key that is a text or a number', key)
  }
  const { prefix, length, total } = checkedOptions(options)
  const text = String(key)
  if (loneSurrogate.test(prefix) || loneSurrogate.test(text)) {
    throw new BouncerError(
      'ERR_CSB_CONFIG',
      'machine id: expected a key and a prefix of Unicode text, got a lone surrogate',
    )
  }
  const hash = createHash('sha256')
    .update(prefix + text)
    .digest('hex')
  if (total === 'hash') return prefix + hash.slice(0, length)
  const id = (prefix + hash).slice(0, length)
  const left = Math.max(0, id.length - prefix.length)
  if (left >= LEAST_HASH) return id
  const expected = `a prefix that leaves ${LEAST_HASH} characters of the hash at least`
  throw new BouncerError(
    'ERR_CSB_CONFIG',
    `machine id: expected ${expected}, got one that leaves ${left} of ${id.length}`,
  )
}

type CheckedOptions = { readonly [Name in keyof MachineIdOptions]-?: NonNullable<MachineIdOptions[Name]> }

function checkedOptions(options: unknown): CheckedOptions {
  if (typeof options !== 'object' || options === null) throw refusal('options', options)
  const {
    prefix = '',
    length = MACHINE_ID_LENGTH,
    total = 'hash',
  }: { [Name in keyof MachineIdOptions]?: unknown } = options
  if (typeof prefix !== 'string') throw refusal('a prefix that is a text', prefix)
  if (typeof length !== 'number' || !Number.isSafeInteger(length) || length < -64) {
    throw refusal('a length that is a whole number from -64 on', length)
  }
  if (total !== 'hash' && total !== 'whole') throw refusal('a total of hash or whole', total)
  return { prefix, length, total }
}

function refusal(expected: string, given: unknown): BouncerError {
  const got = typeof given === 'number' ? String(given) : whatCame(given)
  return new BouncerError('ERR_CSB_CONFIG', `machine id: expected ${expected}, got ${got}`)
}

const loneSurrogate = /\p{Surrogate}/u

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** 48 characters: the prefix, then random lower-case letters and digits. Throws `ERR_CSB_CONFIG` for a prefix that CAPI would not take. */
export function randomMachineId(prefix = ''): string {
  if (!/^[A-Za-z0-9]{0,48}$/.test(prefix)) {
    const message = `machine id prefix: expected up to ${MACHINE_ID_LENGTH} letters and digits, got ${quoted(prefix)}`
    throw new BouncerError('ERR_CSB_CONFIG', message)
  }
  let id = prefix
  while (id.length < MACHINE_ID_LENGTH) id += ALPHABET[randomInt(ALPHABET.length)]
  return id
}
