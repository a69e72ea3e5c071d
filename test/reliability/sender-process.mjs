/** One process that stores and sends, as its parent sees it. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const module = fileURLToPath(new URL('child.mjs', import.meta.url))

export class SenderProcess {
  #process
  #exit
  #errors = ''
  /** All that it said. */
  heard = []

  /** `onLine` hears each line at once. */
  constructor(job, onLine) {
    const env = { ...process.env, JOB: JSON.stringify(job) }
    this.#process = spawn(process.execPath, [module], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#exit = once(this.#process, 'close')
    this.#process.stderr.on('data', (chunk) => {
      this.#errors += chunk
    })
    let rest = ''
    this.#process.stdout.on('data', (chunk) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()
      for (const line of lines.map((text) => ({ ...JSON.parse(text), at: performance.now() }))) {
        this.heard.push(line)
        onLine(line)
      }
    })
    const takeAlong = () => this.#process.kill('SIGKILL')
    process.once('exit', takeAlong)
    this.#exit.then(() => process.off('exit', takeAlong))
  }

  /** kill -9. It runs no further instruction of its own. */
  kill() {
    process.kill(this.#process.pid, 'SIGKILL')
  }

  /** `SIGKILL`, or `ended`; throws where it failed. */
  async end() {
    const [code, signal] = await this.#exit
    if (signal !== null) return signal
    if (code !== 0) throw new Error(`The process failed (${code}): ${this.#errors}`)
    return 'ended'
  }

  lines(told) {
    return this.heard.filter((line) => line.told === told)
  }

  /** The first line of that sort. */
  line(told) {
    return this.lines(told)[0]
  }
}
