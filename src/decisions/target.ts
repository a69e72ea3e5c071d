/** What a decision applies to, read from its scope and value: prefixes of addresses, or exact text. */

import { parseAddressRange } from '../net/address-range.js'
import { createPrefix, formatPrefix, type Prefix, parsePrefix } from '../net/prefix.js'
import { canonicalScope } from './scope.js'

export interface AddressTarget {
  readonly kind: 'addresses'
  readonly scope: 'Ip' | 'Range'
  /** One prefix, or the many that make up a `first-last` range. */
  readonly prefixes: readonly Prefix[]
  /** The value as received where it is not the text that we would write for its prefix, else null. */
  readonly oddText: string | null
}

export interface TextTarget {
  readonly kind: 'text'
  readonly scope: string
  readonly value: string
}

export type Target = AddressTarget | TextTarget

/** Reads targets. One prefix is kept and filled anew each time, so a target is valid until the next call. */
export class TargetReader {
  readonly #prefix = createPrefix()
  readonly #onePrefix: readonly Prefix[] = [this.#prefix]

  /** The target, or null if the scope wants addresses and the value names none. */
  read(scopeAsReceived: string, value: string): Target | null {
    const scope = canonicalScope(scopeAsReceived)
    if (scope !== 'Ip' && scope !== 'Range') return { kind: 'text', scope, value }
    if (parsePrefix(value, this.#prefix)) {
      const oddText = isPlainIpv4(this.#prefix, value) || formatPrefix(this.#prefix) === value ? null : value
      return { kind: 'addresses', scope, prefixes: this.#onePrefix, oddText }
    }
    const prefixes = parseAddressRange(value)
    return prefixes === null ? null : { kind: 'addresses', scope, prefixes, oddText: value }
  }
}

/** Nine of ten values: a dotted quad, which has only one spelling, so that it need not be written out to be compared. */
function isPlainIpv4(prefix: Prefix, value: string): boolean {
  return (
    prefix.family === 4 &&
    prefix.length === 32 &&
    value.length <= 15 &&
    value.indexOf(':') === -1 &&
    value.indexOf('/') === -1
  )
}
