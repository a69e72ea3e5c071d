// A FakeCapi in a process of its own, so that all that it keeps does not count as the bouncer's memory. Its parent says what is on its
// lists and when tokens are revoked, and hears which version of them was served whole.
import { FakeCapi } from '../../dist/src/testing/index.js'
import { HitLedger } from './hit-ledger.mjs'

const told = new HitLedger()
const known = new Set()
let duplicates = 0

/** A signal counts once, however often it comes. */
function take(signal) {
  if (known.has(signal.uuid)) return false
  known.add(signal.uuid)
  const hits = signal.context.find(({ key }) => key === 'hits').value
  told.add(signal.source.value, signal.scenario, Number(hits))
  return true
}

const PARTS = { '/v3/decisions/stream': 'community', '/blocklists/soak': 'blocklist', '/allowlists/soak': 'allowlist' }

class VersionedCapi extends FakeCapi {
  version = 0
  statuses = {}
  #next = null

  static async start(options) {
    const capi = new VersionedCapi(options)
    await capi.up()
    return capi
  }

  /** From the next pull on: one pull with links of one version and lists of another would be neither. */
  setLists(version) {
    this.#next = version
  }

  async answer(exchange) {
    const part = PARTS[exchange.path]
    if (part === 'community') this.#turn()
    const { version } = this
    await super.answer(exchange)
    const { statusCode } = exchange.response
    this.statuses[statusCode] = (this.statuses[statusCode] ?? 0) + 1
    if (part !== undefined && exchange.fault === null && statusCode < 400) process.send({ served: part, version })
  }

  #turn() {
    if (this.#next === null) return
    const { version, community, deleted, blocklist, allowlist } = this.#next
    this.#next = null
    this.version = version
    this.setCommunity(community)
    for (const { value, scope } of deleted) this.delete(value, scope)
    this.addBlocklist({ name: 'soak', ...blocklist })
    this.addAllowlist({ name: 'soak', entries: allowlist })
  }
}

const capi = await VersionedCapi.start({
  faultRate: { rate: Number(process.env.FAULT_RATE), seed: Number(process.env.SEED) },
  strict: true,
  onSignals: (batch) => {
    for (const { signal } of batch) if (!take(signal)) duplicates++
  },
})

const orders = {
  setLists({ lists }) {
    capi.setLists(lists)
  },
  revoke() {
    capi.revokeTokens()
  },
  /** `left`: signals that are in the outbox still, of which some may have come. */
  report({ left }) {
    const arrived = known.size
    const onlyLeft = left.filter(take).length
    const logins = capi.machines().map((machine) => machine.logins)
    process.send({ report: { sums: [...told.sums], arrived, onlyLeft, duplicates, logins, statuses: capi.statuses } })
  },
  async end() {
    await capi.stop()
    process.disconnect()
  },
}
process.on('message', ({ order, ...rest }) => orders[order](rest))
process.send({ url: `${capi.url}/v3` })
