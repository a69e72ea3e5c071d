/**
 * CrowdSec's own `crowdsec-custom-bouncer` from Debian's package, with a script that notes what it is told to add and to delete.
 * `timeout` ends it after ten minutes even where the test process was killed.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { debianProgram } from './debian-program.js'

/** One call of the script. */
export interface CustomCall {
  readonly verb: 'add' | 'del'
  readonly value: string
}

export interface CustomBouncerOptions {
  readonly apiUrl: string
  readonly apiKey: string
}

export class CustomBouncer {
  readonly #folder: string
  readonly #process: ChildProcess

  /** Asks the LAPI once a second from now on. */
  static async start(options: CustomBouncerOptions): Promise<CustomBouncer> {
    const program = await debianProgram({
      package: 'crowdsec-custom-bouncer',
      file: 'usr/bin/crowdsec-custom-bouncer',
      probe: ['-version'],
      libraries: [],
    })
    const folder = await mkdtemp(join(tmpdir(), 'custom-bouncer-'))
    const script = join(folder, 'note.sh')
    await writeFile(join(folder, 'calls'), '')
    await writeFile(script, `#!/bin/sh\nprintf '%s %s\\n' "$1" "$2" >>'${join(folder, 'calls')}'\n`, { mode: 0o755 })
    // JSON is YAML.
    const config = {
      bin_path: script,
      api_url: `${options.apiUrl}/`,
      api_key: options.apiKey,
      update_frequency: '1s',
      // It passes over what it was told so recently; 0 would be for ever (seen with 0.0.15).
      cache_retention_duration: '100ms',
      daemonize: false,
      log_mode: 'stdout',
      log_level: 'info',
      prometheus: { enabled: false },
    }
    await writeFile(join(folder, 'config.yaml'), JSON.stringify(config))
    const args = ['-k', '2', '600', program.path, '-c', join(folder, 'config.yaml')]
    const process = spawn('timeout', args, { env: program.env, stdio: 'ignore' })
    return new CustomBouncer(folder, process)
  }

  private constructor(folder: string, process: ChildProcess) {
    this.#folder = folder
    this.#process = process
  }

  /** What it was told so far, in order. */
  async calls(): Promise<readonly CustomCall[]> {
    const text = await readFile(join(this.#folder, 'calls'), 'utf8')
    const lines = text.split('\n').slice(0, -1)
    return lines.map((line) => {
      const [verb, value = ''] = line.split(' ')
      if (verb !== 'add' && verb !== 'del') throw new Error(`the custom bouncer called its script with ${line}`)
      return { verb, value }
    })
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.pid !== undefined) {
      const gone = once(this.#process, 'exit')
      this.#process.kill('SIGTERM')
      await gone
    }
    await rm(this.#folder, { recursive: true, force: true })
  }
}
