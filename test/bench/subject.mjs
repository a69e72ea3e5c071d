/** The package under test, as built: what `npm run build` made is what users get. */

import { existsSync } from 'node:fs'

const dist = new URL('../../dist/', import.meta.url)
if (!existsSync(dist)) throw new Error('There is no dist/: run `npm run build` first')

export const { createBouncer } = await import(new URL('src/index.js', dist))
export const { crowdsec } = await import(new URL('middleware/express.js', dist))
/** Not public: the floor of a check is our own parser and a bare memory read. */
export const { parseAddress, createAddressWords } = await import(new URL('src/net/address.js', dist))
export const { createCheckService } = await import(new URL('src/server/check-service.js', dist))

/** A source that delivers what it is told to. */
export class GivenSource {
  name = 'given'
  sink = null
  #first

  constructor(first) {
    this.#first = first
  }

  async start(sink) {
    this.sink = sink
    await sink.replaceAll(this.#first())
  }

  stop() {}
}

/** A started bouncer that holds `decisions`, and the sink that changes them. */
export async function bouncerWith(decisions, options = {}) {
  const source = new GivenSource(() => decisions.wires())
  const bouncer = createBouncer({ sources: [source], startTimeout: '10m', ...options })
  await bouncer.start()
  const { decisions: held } = bouncer.stats()
  if (held !== decisions.count) throw new Error(`${decisions.count} decisions were given, ${held} are held`)
  return { bouncer, source }
}
