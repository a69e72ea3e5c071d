/** Hits by address and scenario, as sums by a hash of the two: however long a run is, it takes no more memory, and nothing is lost in it. */

const BUCKETS = 65_536

export class HitLedger {
  sums = new Float64Array(BUCKETS)

  add(address, scenario, hits) {
    this.sums[hashOf(`${address} ${scenario}`) % BUCKETS] += hits
  }

  get total() {
    return this.sums.reduce((sum, hits) => sum + hits, 0)
  }
}

/** FNV-1a. */
function hashOf(text) {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
