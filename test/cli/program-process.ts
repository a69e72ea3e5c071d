/** One process of the compiled program that runs command after command: loading it anew for each takes half a second of a core. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Run } from './run.js'

/** Each line that comes is the words of a command, and what that did goes back as a line. Nothing else keeps it alive. */
const SCRIPT = `
  import { createInterface } from 'node:readline'
  const { runCommandLine } = await import(process.argv[1])
  for await (const line of createInterface({ input: process.stdin })) {
    let out = ''
    let err = ''
    const exitCode = await runCommandLine(JSON.parse(line), {
      print: (text) => (out += text),
      printError: (text) => (err += text),
      input: [],
      isWatched: false,
      untilInterrupted: () => new AbortController().signal,
    })
    console.log(JSON.stringify({ exitCode, out, err }))
  }
`

export class ProgramProcess {
  readonly #child
  readonly #lines: AsyncIterator<string>
  readonly #exited

  /** `main`: of `compiledProgram()`. */
  constructor(main: string, cwd: string, env: NodeJS.ProcessEnv) {
    const args = ['--input-type=module', '-e', SCRIPT, join(dirname(main), 'command-line.js')]
    this.#child = spawn(process.execPath, args, { cwd, env, stdio: ['pipe', 'pipe', 'inherit'] })
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
    this.#exited = once(this.#child, 'exit')
  }

  /** No command may read standard input. */
  async run(words: readonly string[]): Promise<Run> {
    this.#child.stdin.write(`${JSON.stringify(words)}\n`)
    const { value, done } = await this.#lines.next()
    if (done) throw new Error(`the process ended at ${words.join(' ')}`)
    return JSON.parse(value)
  }

  /** Resolves with its exit code, once everything that the commands opened is closed: it ends by itself. */
  async end(): Promise<number | null> {
    this.#child.stdin.end()
    const [code] = await this.#exited
    return code
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}
