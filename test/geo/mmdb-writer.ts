/** Writes a small MaxMind DB (format 2.0, 32-bit records, one IPv6 tree with IPv4 at ::/96), enough for tests. */

import { isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'

export type MmdbValue = string | number | { readonly [key: string]: MmdbValue }

/** An edge to a node, to a value, or nowhere. */
type Edge = { zero: Edge; one: Edge } | { readonly value: MmdbValue } | null

const MARKER = Buffer.from('abcdef4d61784d696e642e636f6d', 'hex')

/** CIDRs with their records; where they nest, the longer ones come later. */
export function writeMmdb(entries: readonly (readonly [cidr: string, record: MmdbValue])[]): Buffer {
  let root: Edge = { zero: null, one: null }
  for (const [cidr, record] of entries) root = inserted(root, bitsOf(cidr), record)
  return serialised(root)
}

function bitsOf(cidr: string): readonly boolean[] {
  const [address, length] = cidr.split('/')
  const bytes = ipaddr.parse(address).toByteArray()
  const all = isIPv4(address) ? [...Array.from({ length: 12 }, () => 0), ...bytes] : bytes
  const bits = all.flatMap((byte) => Array.from({ length: 8 }, (_, bit) => ((byte >> (7 - bit)) & 1) === 1))
  return bits.slice(0, Number(length) + (isIPv4(address) ? 96 : 0))
}

function inserted(edge: Edge, bits: readonly boolean[], value: MmdbValue): Edge {
  const [first, ...rest] = bits
  if (first === undefined) return { value }
  const { zero, one } = edge !== null && 'zero' in edge ? edge : { zero: edge, one: edge }
  return first ? { zero, one: inserted(one, rest, value) } : { zero: inserted(zero, rest, value), one }
}

function serialised(root: Edge): Buffer {
  const nodes: { zero: Edge; one: Edge }[] = []
  const numbers = new Map<Edge, number>()
  const visit = (edge: Edge) => {
    if (edge === null || !('zero' in edge)) return
    numbers.set(edge, nodes.length)
    nodes.push(edge)
    visit(edge.zero)
    visit(edge.one)
  }
  visit(root)
  const values: Buffer[] = []
  const recordOf = (edge: Edge): number => {
    if (edge === null) return nodes.length
    if ('zero' in edge) return numbers.get(edge) ?? 0
    const offset = Buffer.concat(values).length
    values.push(field(edge.value))
    return nodes.length + 16 + offset
  }
  const tree = Buffer.alloc(nodes.length * 8)
  for (const [index, { zero, one }] of nodes.entries()) {
    tree.writeUInt32BE(recordOf(zero), index * 8)
    tree.writeUInt32BE(recordOf(one), index * 8 + 4)
  }
  const metadata = field({
    node_count: nodes.length,
    record_size: 32,
    ip_version: 6,
    database_type: 'Test',
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1,
    description: {},
  })
  return Buffer.concat([tree, Buffer.alloc(16), ...values, MARKER, metadata])
}

/** From 29 on, the size needs a byte of its own. */
function textHead(size: number): Buffer {
  return Buffer.from(size < 29 ? [(2 << 5) | size] : [(2 << 5) | 29, size - 29])
}

/** Type in the upper three bits, size in the lower five: 2 text, 6 uint32, 7 map. */
function field(value: MmdbValue): Buffer {
  if (typeof value === 'string') return Buffer.concat([textHead(value.length), Buffer.from(value)])
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return Buffer.concat([Buffer.from([(6 << 5) | 4]), bytes])
  }
  const pairs = Object.entries(value)
  return Buffer.concat([Buffer.from([(7 << 5) | pairs.length]), ...pairs.flat().map(field)])
}
