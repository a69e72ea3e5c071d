import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { createAddressWords, parseAddress } from '../../src/net/address.js'
import { createPrefix, formatPrefix, parsePrefix } from '../../src/net/prefix.js'
import { createMatches, PrefixTable } from '../../src/net/prefix-table/prefix-table.js'
import { oracleCovers } from '../oracle/linear-matcher.js'

/** The oracle: a map from canonical prefix to value, searched one by one with ipaddr.js. */
class Twin {
  readonly table = new PrefixTable(undefined, 42)
  readonly golden = new Map<string, number>()
  readonly #prefix = createPrefix()

  set(text: string, value: number): void {
    this.#read(text)
    this.table.set(this.#prefix, value)
    this.golden.set(formatPrefix(this.#prefix), value)
  }

  delete(text: string): void {
    this.#read(text)
    this.table.delete(this.#prefix)
    this.golden.delete(formatPrefix(this.#prefix))
  }

  get(text: string): number {
    this.#read(text)
    return this.table.get(this.#prefix)
  }

  match(address: string): number[] {
    const words = createAddressWords()
    const values = createMatches()
    const family = parseAddress(address, words)
    return [...values.subarray(0, this.table.match(family, words, values))]
  }

  expectedMatch(address: string): number[] {
    return [...this.golden]
      .map(([text, value]) => ({ cidr: withLength(text), value }))
      .filter(({ cidr }) => oracleCovers(cidr, address))
      .sort((a, b) => lengthOf(b.cidr) - lengthOf(a.cidr))
      .map(({ value }) => value)
  }

  #read(text: string): void {
    if (!parsePrefix(text, this.#prefix)) throw new Error(`not a prefix: ${text}`)
  }
}

function withLength(text: string): string {
  return text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`
}

function lengthOf(cidr: string): number {
  return Number(cidr.split('/')[1])
}

describe('PrefixTable', () => {
  test.each([
    ['every IPv4 length nested', Array.from({ length: 33 }, (_, length) => `203.0.113.7/${length}`), '203.0.113.7', 33],
    [
      'every IPv6 length nested',
      Array.from({ length: 129 }, (_, length) => `2001:db8::7/${length}`),
      '2001:db8::7',
      129,
    ],
    [
      'a neighbour of all nested',
      Array.from({ length: 33 }, (_, length) => `203.0.113.7/${length}`),
      '203.0.113.6',
      32,
    ],
    ['IPv4 does not match ::/0', ['::/0'], '1.2.3.4', 0],
    ['mapped is IPv4', ['1.2.3.0/24'], '::ffff:1.2.3.4', 1],
  ])('%s', (_name, prefixes, address, count) => {
    const twin = new Twin()
    for (const [i, prefix] of prefixes.entries()) twin.set(prefix, i + 1)
    expect(twin.match(address)).toHaveLength(count)
    expect(twin.match(address)).toEqual(twin.expectedMatch(address))
    for (const prefix of prefixes) twin.delete(prefix)
    expect(twin.match(address)).toEqual([])
  })

  it('equals the oracle under any order of sets and deletes', () => {
    // Few distinct bits, so that prefixes nest, collide and share a /24, a /16, a /32 and a /64.
    const octet = fc.constantFrom(0, 1, 127, 128, 255)
    const ipv4 = fc.tuple(fc.constantFrom(9, 10), octet, octet, octet).map((octets) => octets.join('.'))
    const group = fc.constantFrom('0', '1', '8000', 'ffff')
    const tail = fc.tuple(group, group, group, group, group, group).map((groups) => groups.join(':'))
    const ipv6 = tail.map((groups) => `2001:db8:${groups}`)
    const prefix = fc.oneof(
      fc.tuple(ipv4, fc.integer({ min: 0, max: 32 })).map(([address, length]) => `${address}/${length}`),
      fc.tuple(ipv6, fc.integer({ min: 0, max: 128 })).map(([address, length]) => `${address}/${length}`),
      ipv4,
      ipv6,
    )
    const step = fc.record({ prefix, remove: fc.boolean() })
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.array(fc.oneof(ipv4, ipv6), { maxLength: 10 }),
        (steps, asked) => {
          const twin = new Twin()
          steps.forEach((one, i) => {
            if (one.remove) twin.delete(steps[i >> 1].prefix)
            else twin.set(one.prefix, i + 1)
          })
          for (const address of asked) expect(twin.match(address)).toEqual(twin.expectedMatch(address))
          for (const { prefix: text } of steps) expect(twin.get(text)).toBe(twin.golden.get(canonical(text)) ?? 0)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('holds 60,000 entries through many page splits, and nothing after they are deleted', () => {
    const table = new PrefixTable(undefined, 7)
    const prefix = createPrefix()
    const texts = Array.from({ length: 60_000 }, (_, i) => {
      const hash = Math.imul(i + 1, 0x9e3779b1) >>> 0
      if (i % 3 === 0) return `2001:db8:${(hash >>> 16).toString(16)}::${(hash & 0xffff).toString(16)}/${64 + (i % 65)}`
      return `${hash >>> 24}.${(hash >>> 16) & 255}.${(hash >>> 8) & 255}.${hash & 255}/${i % 5 === 0 ? 20 + (i % 12) : 32}`
    })
    const golden = new Map<string, number>()
    texts.forEach((text, i) => {
      parsePrefix(text, prefix)
      table.set(prefix, i + 1)
      golden.set(formatPrefix(prefix), i + 1)
    })
    for (const [text, value] of golden) {
      parsePrefix(text, prefix)
      expect(table.get(prefix)).toBe(value)
    }
    for (const text of golden.keys()) {
      parsePrefix(text, prefix)
      table.delete(prefix)
    }
    const values = createMatches()
    for (const text of golden.keys()) {
      parsePrefix(text, prefix)
      expect(table.match(prefix.family, prefix.words, values)).toBe(0)
    }
  })
})

function canonical(text: string): string {
  const prefix = createPrefix()
  parsePrefix(text, prefix)
  return formatPrefix(prefix)
}
