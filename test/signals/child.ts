/** A process of its own that runs a script on the built package, for what only several processes or a kill -9 can show. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'

const built = (module: string) => JSON.stringify(resolve(import.meta.dirname, '../../dist/src/signals/storage', module))

const PRELUDE = `
  import { writeSync } from 'node:fs'
  import { createInterface } from 'node:readline'
  import * as kysely from ${JSON.stringify(import.meta.resolve('kysely'))}
  import { openStorage } from ${built('open-storage.js')}
  import { openSqlStorage, postgresServer, sqliteServer } from ${built('sql/sql-storage.js')}
  import { MIGRATIONS } from ${built('sql/migrations.js')}
  const say = (value) => writeSync(1, JSON.stringify(value) + '\\n')
  /** Stops this process in the middle of whatever it does, for good. */
  const freeze = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  const told = () => new Promise((resolve) => createInterface({ input: process.stdin }).once('line', resolve))
`

export class Child {
  readonly #process
  readonly #lines: AsyncIterator<string>
  #errors = ''

  /** The script has `say(value)`, `freeze()`, `told()`, `openStorage` and its parts, and `where`. */
  constructor(where: string, script: string) {
    const text = `${PRELUDE}\nconst where = ${JSON.stringify(where)}\n${script}`
    this.#process = spawn(process.execPath, ['--input-type=module', '-e', text])
    this.#process.stderr.on('data', (chunk) => {
      this.#errors += chunk
    })
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]()
  }

  /** What it says next. */
  async hears(): Promise<unknown> {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error(`the child ended and said nothing more: ${this.#errors}`)
    return JSON.parse(value)
  }

  tell(): void {
    this.#process.stdin.write('\n')
  }

  /** kill -9. */
  async kill(): Promise<void> {
    const exit = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await exit
  }

  async end(): Promise<void> {
    this.#process.stdin.end()
    if (this.#process.exitCode === null) await once(this.#process, 'exit')
    if (this.#process.exitCode !== 0) throw new Error(`the child failed: ${this.#errors}`)
  }
}
