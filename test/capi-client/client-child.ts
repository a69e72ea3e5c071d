/** A client in a process of its own, that stops for good where a test says so and is then killed. */

import { resolve } from 'node:path'
import { Child } from '../signals/child.js'
import { SCENARIOS } from './connected-client.js'

const built = JSON.stringify(resolve(import.meta.dirname, '../../dist/src/capi-client.js'))

export interface ClientChildOptions {
  /** `sqlite:/path`. */
  readonly where: string
  /** Of the FakeCapi. */
  readonly url: string
  /** Has `client`, what a `Child` has, and `opened`, its storage. */
  readonly script: string
  /** Says `frozen` and stops at the n-th call of a method of the outbox, when it begins or when it is done. */
  readonly freeze?: { readonly at: 'claim' | 'markSent'; readonly when: 'before' | 'after'; readonly nth: number }
}

export function clientChild({ where, url, script, freeze }: ClientChildOptions): Child {
  return new Child(
    where,
    `import { createCapiClient } from ${built}
    const stop = ${JSON.stringify(freeze ?? null)}
    const opened = await openStorage(where)
    let calls = 0
    const signals = new Proxy(opened.signals, {
      get: (target, name) => async (...values) => {
        const isIt = name === stop?.at && ++calls === stop.nth
        if (isIt && stop.when === 'before') { say('frozen'); freeze() }
        const result = await target[name](...values)
        if (isIt) { say('frozen'); freeze() }
        return result
      },
    })
    const { machines, target } = opened
    const storage = { machines, signals, target, close: () => opened.close() }
    const client = await createCapiClient({
      url: ${JSON.stringify(`${url}/v3`)}, storage, scenarios: ${JSON.stringify(SCENARIOS)}, retryDelay: 100,
    })
    ${script}
    await client.close()
    await opened.close()`,
  )
}
