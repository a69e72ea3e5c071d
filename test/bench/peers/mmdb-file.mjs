/** Writes a MaxMind DB (format 2.0, 32-bit records, one IPv6 tree with IPv4 at ::/96): the file that mmdb-lib and maxmind read. */

const RECORD_BYTES = 8
const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1')
/** An edge that leads to a value and not to a node; the value is the rest. */
const VALUE = 0x8000_0000

/** Where prefixes nest, the longest wins: that is all that the format can say. */
export function writeMmdb(decisions, actions) {
  const tree = new Tree()
  const order = Array.from({ length: decisions.count }, (_, i) => i).sort(
    (a, b) => bitsOf(decisions, a) - bitsOf(decisions, b),
  )
  for (const i of order) tree.insert(wordsOf(decisions, i), bitsOf(decisions, i), decisions.action[i])
  return tree.write(actions)
}

function bitsOf(decisions, i) {
  return decisions.length[i] + (decisions.family[i] === 4 ? 96 : 0)
}

function wordsOf(decisions, i) {
  const words = decisions.wordsOf(i)
  return decisions.family[i] === 4 ? [0, 0, 0, words[0]] : words
}

/** Two edges a node: 0 leads nowhere (node 0 is the root, to which nothing leads back). */
class Tree {
  #edges = new Uint32Array(2 << 16)
  #nodes = 1

  insert(words, bits, action) {
    let node = 0
    for (let bit = 0; bit < bits - 1; bit++) {
      const edge = 2 * node + bitAt(words, bit)
      const to = this.#edges[edge]
      if (to === 0 || to >= VALUE) {
        node = this.#addNode(to) // a value above is pushed down to both sides
        this.#edges[edge] = node
      } else node = to
    }
    this.#edges[2 * node + bitAt(words, bits - 1)] = VALUE + action
  }

  #addNode(inherited) {
    if (2 * this.#nodes === this.#edges.length) {
      const grown = new Uint32Array(2 * this.#edges.length)
      grown.set(this.#edges)
      this.#edges = grown
    }
    this.#edges.fill(inherited, 2 * this.#nodes, 2 * this.#nodes + 2)
    return this.#nodes++
  }

  write(actions) {
    const { data, offsets } = writeValues(actions)
    const tree = Buffer.alloc(this.#nodes * RECORD_BYTES)
    for (let edge = 0; edge < 2 * this.#nodes; edge++) {
      const to = this.#edges[edge]
      const record = to === 0 ? this.#nodes : to < VALUE ? to : this.#nodes + 16 + offsets[to - VALUE]
      tree.writeUInt32BE(record, 4 * edge)
    }
    return Buffer.concat([tree, Buffer.alloc(16), data, MARKER, writeMetadata(this.#nodes)])
  }
}

function bitAt(words, bit) {
  return (words[bit >>> 5] >>> (31 - (bit & 31))) & 1
}

function writeValues(actions) {
  const pieces = []
  const offsets = []
  let length = 0
  for (const action of actions) {
    const piece = map([['action', text(action)]])
    offsets.push(length)
    pieces.push(piece)
    length += piece.length
  }
  return { data: Buffer.concat(pieces), offsets }
}

function writeMetadata(nodes) {
  return map([
    ['node_count', integer(6, nodes)],
    ['record_size', integer(5, 32)],
    ['ip_version', integer(5, 6)],
    ['database_type', text('Bench')],
    ['languages', Buffer.from([0x00, 0x04])],
    ['binary_format_major_version', integer(5, 2)],
    ['binary_format_minor_version', integer(5, 0)],
    ['build_epoch', Buffer.from([0x01, 0x02, 0x01])],
    ['description', map([])],
  ])
}

/** The fields below hold: type << 5 | size, then the bytes. */
function text(value) {
  return Buffer.concat([Buffer.from([(2 << 5) | value.length]), Buffer.from(value)])
}

/** Type 5 is uint16, type 6 uint32. */
function integer(type, value) {
  const bytes = Buffer.alloc(type === 5 ? 2 : 4)
  if (type === 5) bytes.writeUInt16BE(value)
  else bytes.writeUInt32BE(value)
  return Buffer.concat([Buffer.from([(type << 5) | bytes.length]), bytes])
}

function map(entries) {
  const pieces = entries.flatMap(([key, value]) => [text(key), value])
  return Buffer.concat([Buffer.from([(7 << 5) | entries.length]), ...pieces])
}
