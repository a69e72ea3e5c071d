/** Faults by chance, for soak tests: of many requests a known share goes wrong, and the same seed brings the same order of faults. */

import type { CapiFault } from './faults.js'

export interface FaultRate {
  /** The share of requests that a fault strikes, 0 to 1. */
  readonly rate: number
  /** Any integer. */
  readonly seed: number
  /** Drawn from with equal odds. Default: each way in which an answer can fail or be lost without a pause. */
  readonly kinds?: readonly CapiFault[]
}

const anyKind: readonly CapiFault[] = [
  { kind: 'down' },
  { kind: 'lost' },
  { kind: 'cut', afterBytes: 5 },
  { kind: 'garbage', body: '{"message' },
  { kind: 'html', status: 502 },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503 },
]

export class RandomFaults {
  readonly #rate: number
  readonly #kinds: readonly CapiFault[]
  readonly #random: () => number

  constructor({ rate, seed, kinds = anyKind }: FaultRate) {
    if (!(rate >= 0 && rate <= 1)) throw new RangeError(`rate must be 0 to 1, got ${rate}`)
    if (kinds.length === 0) throw new RangeError('kinds must name at least one fault')
    this.#rate = rate
    this.#kinds = kinds
    this.#random = randomFrom(seed)
  }

  /** The fault for the next request, or null. */
  take(): CapiFault | null {
    if (this.#random() >= this.#rate) return null
    return this.#kinds[Math.floor(this.#random() * this.#kinds.length)] ?? null
  }
}

/** Numbers from 0 up to 1 by a 32-bit counter whose bits are mixed (splitmix32). */
function randomFrom(seed: number): () => number {
  let counter = seed | 0
  return () => {
    counter = (counter + 0x9e3779b9) | 0
    let bits = counter ^ (counter >>> 16)
    bits = Math.imul(bits, 0x21f0aaad)
    bits ^= bits >>> 15
    bits = Math.imul(bits, 0x735a2d97)
    return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32
  }
}
