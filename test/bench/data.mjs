/**
 * The decisions and the addresses to ask for. Distribution: 90 % IPv4, 10 % IPv6; of each, 90 % single addresses and 10 %
 * ranges. IPv4 ranges: half /24, then /22, /23, /20 and so on, one of each /8 to /15 at least, together about a tenth of the
 * address space. 30 % of the IPv4 singles lie in 3,000 bad /16s; IPv6 lies in 3,000 /32s. No prefix comes twice.
 * Addresses that match nothing come from where the decisions are too, so they are not the easy ones.
 */

import { ipv4Text, ipv6Text, keepBits } from './address-text.mjs'
import { Random } from './random.mjs'

/** The most severe first: an answer is an index, 0 where nothing matches. */
export const ACTIONS = ['allow', 'ban', 'captcha', 'throttle']

const IPV4_RANGE_LENGTHS = [
  ...[
    [24, 50],
    [22, 8],
    [23, 6],
    [28, 5],
    [20, 4],
    [29, 4],
    [27, 4],
    [26, 4],
    [25, 4],
    [21, 3],
    [30, 2],
    [19, 2],
  ],
  ...[
    [31, 1],
    [18, 1],
    [16, 1],
    [17, 0.5],
    [15, 0.02],
    [14, 0.02],
    [13, 0.02],
    [12, 0.02],
  ],
  ...[
    [11, 0.01],
    [10, 0.005],
    [9, 0.003],
    [8, 0.002],
  ],
]
const IPV6_RANGE_LENGTHS = [
  [64, 50],
  [48, 25],
  [56, 10],
  [40, 4],
  [44, 3],
  [36, 2],
  [32, 4],
  [96, 1],
  [120, 1],
]
const ORIGINS = [
  ['CAPI', 60],
  ['lists', 30],
  ['crowdsec', 9],
  ['cscli', 1],
]
const BAD_NETWORKS = 3000

/** Decisions in columns, so that the benchmark's own memory is small and does not grow while it measures. */
export class DecisionSet {
  count = 0
  family
  length
  action
  origin
  scenario
  words

  constructor(capacity) {
    this.family = new Uint8Array(capacity)
    this.length = new Uint8Array(capacity)
    this.action = new Uint8Array(capacity)
    this.origin = new Uint8Array(capacity)
    this.scenario = new Uint8Array(capacity)
    this.words = new Int32Array(4 * capacity)
  }

  add(family, length, words, action, origin = 0, scenario = 0) {
    const i = this.count++
    this.family[i] = family
    this.length[i] = length
    this.action[i] = action
    this.origin[i] = origin
    this.scenario[i] = scenario
    for (let word = 0; word < words.length; word++) this.words[4 * i + word] = words[word]
  }

  wordsOf(i) {
    return this.words.subarray(4 * i, 4 * i + (this.family[i] === 4 ? 1 : 4))
  }

  isSingle(i) {
    return this.length[i] === (this.family[i] === 4 ? 32 : 128)
  }

  addressOf(i) {
    return this.family[i] === 4 ? ipv4Text(this.words[4 * i]) : ipv6Text(this.wordsOf(i))
  }

  /** `address`, or `address/length` for a range. */
  valueOf(i) {
    return this.isSingle(i) ? this.addressOf(i) : `${this.addressOf(i)}/${this.length[i]}`
  }

  /** In the LAPI's wire shape. */
  wire(i) {
    return {
      id: i + 1,
      origin: ORIGINS[this.origin[i]][0],
      type: ACTIONS[this.action[i]],
      scope: this.isSingle(i) ? 'Ip' : 'Range',
      value: this.valueOf(i),
      duration: `${1 + (i % 167)}h${i % 60}m${i % 59}s`,
      scenario: `crowdsecurity/scenario-${this.scenario[i]}`,
    }
  }

  *wires(from = 0, to = this.count) {
    for (let i = from; i < to; i++) yield this.wire(i)
  }
}

/** Draws addresses from where the decisions are. */
class Neighbourhood {
  #random
  #networks4
  #regions6

  constructor(random) {
    this.#random = random
    this.#networks4 = Array.from({ length: BAD_NETWORKS }, () => publicIpv4(random) >>> 16)
    this.#regions6 = Array.from({ length: BAD_NETWORKS }, () => global(random.word()))
  }

  ipv4() {
    const random = this.#random
    if (random.chance(0.7)) return [publicIpv4(random)]
    return [(this.#networks4[random.below(BAD_NETWORKS)] << 16) | random.below(0x1_0000)]
  }

  ipv6() {
    const random = this.#random
    const region = this.#regions6[random.below(BAD_NETWORKS)]
    const subnet = random.chance(0.5) ? Math.imul(region, 17 + random.below(16)) : random.word()
    if (random.chance(0.5)) return [region, subnet, 0, random.below(0x1_0000)]
    return [region, subnet, random.word(), random.word()]
  }

  /** An address that a visitor may have: of IPv6, half from elsewhere. */
  visitor(family) {
    const random = this.#random
    if (family === 4) return this.ipv4()
    if (random.chance(0.5)) return this.ipv6()
    return [global(random.word()), random.word(), random.word(), random.word()]
  }
}

function publicIpv4(random) {
  for (;;) {
    const word = random.word()
    const first = word >>> 24
    if (first !== 0 && first !== 10 && first !== 127 && first < 224) return word
  }
}

/** In 2000::/3, where global IPv6 addresses are. */
function global(word) {
  return (word & 0x1fff_ffff) | 0x2000_0000
}

/** `count` different decisions, and what draws more addresses like theirs. */
export function makeDecisions(count, seed) {
  const random = new Random(seed)
  const neighbourhood = new Neighbourhood(random)
  const set = new DecisionSet(count)
  const known = new Set()
  const ipv4 = Math.round(count * 0.9)
  let short = 8
  while (set.count < count) {
    const family = set.count < ipv4 ? 4 : 6
    const isRange = random.chance(0.1)
    let length = family === 4 ? 32 : 128
    if (isRange) length = random.pick(family === 4 ? IPV4_RANGE_LENGTHS : IPV6_RANGE_LENGTHS)
    if (short < 16) length = short++
    const words = family === 4 ? neighbourhood.ipv4() : neighbourhood.ipv6()
    for (let word = 0; word < words.length; word++) words[word] = keepBits(words[word], length - 32 * word)
    const key = family === 4 ? (words[0] >>> 0) * 64 + length : `${words}/${length}`
    if (known.has(key)) continue
    known.add(key)
    const action = random.pick([
      [1, 90],
      [2, 9],
      [3, 1],
    ])
    set.add(
      family,
      length,
      words,
      action,
      ORIGINS.indexOf(random.pick(ORIGINS.map((o) => [o, o[1]]))),
      random.below(60),
    )
  }
  return { decisions: set, neighbourhood, random }
}

/** Addresses to ask for with the right answers; their texts are made anew each time, so no string has a cached hash. */
export class Queries {
  count = 0
  expected
  #bytes
  #ends

  constructor(texts, expected) {
    this.count = texts.length
    this.expected = Uint8Array.from(expected)
    this.#bytes = Buffer.from(texts.join(''), 'latin1')
    this.#ends = new Uint32Array(texts.length + 1)
    texts.forEach((text, i) => {
      this.#ends[i + 1] = this.#ends[i] + text.length
    })
  }

  text(i) {
    return this.#bytes.latin1Slice(this.#ends[i], this.#ends[i + 1])
  }

  /** New strings for the queries from `from` on, wrapped around. */
  batch(from, count) {
    const texts = new Array(count)
    for (let i = 0; i < count; i++) texts[i] = this.text((from + i) % this.count)
    return texts
  }

  /** The same addresses in another spelling. */
  spelled(spell) {
    return new Queries(
      Array.from({ length: this.count }, (_, i) => spell(this.text(i))),
      this.expected,
    )
  }
}

/** `count` addresses of a family, of which the part `hits` lies in a random decision and the rest in none. */
export function makeQueries({ decisions, neighbourhood, random }, oracle, { family, hits, count }) {
  const members = []
  for (let i = 0; i < decisions.count; i++) if (decisions.family[i] === family) members.push(i)
  const texts = []
  const expected = []
  while (texts.length < count) {
    const isHit = random.chance(hits)
    let words
    let answer
    do {
      words = isHit
        ? addressIn(decisions, members[random.below(members.length)], random)
        : neighbourhood.visitor(family)
      answer = oracle.answer(family, words)
    } while ((answer !== 0) !== isHit)
    texts.push(family === 4 ? ipv4Text(words[0]) : ipv6Text(words))
    expected.push(answer)
  }
  return new Queries(texts, expected)
}

function addressIn(decisions, i, random) {
  return Array.from(decisions.wordsOf(i), (word, at) => {
    const bits = decisions.length[i] - 32 * at
    if (bits >= 32) return word
    return word | (random.word() & ~keepBits(-1, bits))
  })
}
