/** The process of the FakeCapi, as its parent sees it. */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const module = fileURLToPath(new URL('capi-child.mjs', import.meta.url))

export class CapiProcess {
  #process
  /** Called with each part of the lists that a client got whole: `community`, `blocklist`, `allowlist`, and of which version. */
  onServed = () => {}
  url = ''

  static async start({ seed, faultRate }) {
    const capi = new CapiProcess()
    const env = { ...process.env, SEED: String(seed), FAULT_RATE: String(faultRate) }
    capi.#process = fork(module, { env, execArgv: [] })
    const takeAlong = () => capi.#process.kill('SIGKILL')
    process.once('exit', takeAlong)
    capi.#process.once('exit', () => process.off('exit', takeAlong))
    capi.#process.on('message', ({ served, version }) => {
      if (served !== undefined) capi.onServed(served, version)
    })
    capi.url = await capi.#heard('url')
    return capi
  }

  order(order, more = {}) {
    this.#process.send({ order, ...more })
  }

  /** What it got in all. `left`: signals that were not sent. */
  report(left) {
    this.order('report', { left })
    return this.#heard('report')
  }

  async end() {
    const ended = once(this.#process, 'exit')
    this.order('end')
    await ended
  }

  #heard(name) {
    return new Promise((resolve) => {
      const listen = (message) => {
        if (message[name] === undefined) return
        this.#process.off('message', listen)
        resolve(message[name])
      }
      this.#process.on('message', listen)
    })
  }
}
