/**
 * A real PostgreSQL 15 from Debian's package, on a free loopback port with its data in a temporary folder. `timeout` ends it after
 * ten minutes even where the test process was killed.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { debianProgram, type Program } from './debian-program.js'
import { freePort } from './free-port.js'

const run = promisify(execFile)
const lifetimeSeconds = 600
const user = 'tester'

/** PostgreSQL will not run as root; this is nobody, of Debian. */
const nobody = { uid: 65534, gid: 65534 }
const identity = process.getuid?.() === 0 ? nobody : null

export class PostgresEngine {
  readonly password = 'very-secret-word'
  readonly #program: Program
  readonly #folder: string
  readonly #port: number
  #process: ChildProcess | null = null
  #databases = 0

  /** Downloads the package at first use (17 MB). Rejects, saying why, where it cannot be had. */
  static async start(): Promise<PostgresEngine> {
    const at = (file: string) => debianProgram({ package: 'postgresql-15', file, probe: ['--version'], libraries })
    const [initdb, postgres] = [await at(`${binaries}/initdb`), await at(`${binaries}/postgres`)]
    const folder = await mkdtemp(join(tmpdir(), 'postgres-engine-'))
    if (identity !== null) await chown(folder, identity.uid, identity.gid)
    const engine = new PostgresEngine(postgres, folder, await freePort())
    try {
      const passwordFile = join(folder, 'password')
      await writeFile(passwordFile, engine.password)
      const settings = ['-U', user, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8', '--locale=C']
      await run(initdb.path, ['-D', join(folder, 'data'), '--no-sync', ...settings], { env: initdb.env, ...identity })
      await engine.launch()
      return engine
    } catch (error) {
      await engine.stop()
      throw error
    }
  }

  private constructor(program: Program, folder: string, port: number) {
    this.#program = program
    this.#folder = folder
    this.#port = port
  }

  urlOf(database: string, password = this.password): string {
    return `postgresql://${user}:${password}@127.0.0.1:${this.#port}/${database}`
  }

  /** The URL of a new, empty database. */
  async createDatabase(): Promise<string> {
    const name = `test${++this.#databases}`
    await this.query('postgres', `create database ${name}`)
    return this.urlOf(name)
  }

  async query(database: string, text: string): Promise<unknown[]> {
    const client = new Client({ connectionString: this.urlOf(database) })
    await client.connect()
    try {
      return (await client.query(text)).rows
    } finally {
      await client.end()
    }
  }

  async launch(): Promise<void> {
    const { path, env } = this.#program
    const settings = ['-D', join(this.#folder, 'data'), '-h', '127.0.0.1', '-p', String(this.#port), '-k', '', '-F']
    const child = spawn('timeout', [String(lifetimeSeconds), path, ...settings], { env, ...identity })
    this.#process = child
    let log = ''
    await new Promise<void>((resolve, reject) => {
      child.stderr.on('data', (chunk) => {
        log += chunk
        if (log.includes('ready to accept connections')) resolve()
      })
      child.once('error', reject)
      child.once('exit', () => reject(new Error(`postgres ended: ${log}`)))
    })
  }

  /** Closes all connections and ends it; `launch` starts it again on the same port and data. */
  async end(): Promise<void> {
    const child = this.#process
    this.#process = null
    if (child === null || child.exitCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGINT')
    await exit
  }

  async stop(): Promise<void> {
    await this.end()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

const binaries = 'usr/lib/postgresql/15/bin'
const libraries = ['libpq5', 'libldap-2.5-0', 'libsasl2-2', 'libxml2', 'libxslt1.1', 'libicu72']
