/**
 * A real CrowdSec 1.4.6 LAPI from Debian's package, on a free loopback port with its own database in a temporary folder.
 * `timeout` ends it after ten minutes even where the test process was killed.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Agent, fetch, type Response } from 'undici'
import type { NewDecision } from '../../src/testing/index.js'
import { debianProgram, type Program } from './debian-program.js'
import { EngineDatabase } from './engine-database.js'
import { freePort } from './free-port.js'

const run = promisify(execFile)
const lifetimeSeconds = 600
const machine = { machine_id: 'harness', password: 'harness-password' }
/** A LAPI pulls from CAPI once one of its machines has some. */
const scenarios = ['crowdsecurity/ssh-bf']

/** Paths of PEM files. The LAPI takes a bouncer's certificate, signed by `ca`, in place of a key if it names `bouncersOu`. */
export interface EngineTls {
  readonly cert: string
  readonly key: string
  readonly ca: string
  readonly bouncersOu: string
}

/** The CAPI that an engine is registered at. */
export interface EngineCapi {
  /** Of a server on this machine: no test may reach the real one. */
  readonly url: string
  readonly machineId: string
  readonly password: string
}

export interface EngineOptions {
  /** Default: plain HTTP. */
  readonly tls?: EngineTls
  /** Default: none. */
  readonly capi?: EngineCapi
}

interface Programs {
  readonly crowdsec: Program
  readonly cscli: Program
}

export class CrowdsecEngine {
  /** The key of the bouncer `harness`, registered at the start. */
  readonly apiKey = 'harness-key'
  readonly url: string
  readonly database: EngineDatabase
  readonly #programs: Programs
  readonly #folder: string
  readonly #options: EngineOptions
  readonly #agent: Agent
  #process: ChildProcess | null = null
  #token: string | null = null

  /** Downloads the package at first use (32 MB). Rejects, saying why, where the engine cannot be had. */
  static async start(options: EngineOptions = {}): Promise<CrowdsecEngine> {
    const programs = await findPrograms()
    const folder = await mkdtemp(join(tmpdir(), 'crowdsec-engine-'))
    const engine = new CrowdsecEngine(programs, folder, await freePort(), options)
    try {
      await engine.#configure()
      await engine.#launch()
      return engine
    } catch (error) {
      await engine.stop()
      throw error
    }
  }

  private constructor(programs: Programs, folder: string, port: number, options: EngineOptions) {
    const { tls } = options
    this.#programs = programs
    this.#folder = folder
    this.#options = options
    this.#agent = new Agent(tls ? { connect: { ca: readFileSync(tls.ca) } } : {})
    this.url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`
    this.database = new EngineDatabase(join(folder, 'data/crowdsec.db'))
  }

  /** Runs cscli against this engine and returns what it printed. Takes 0.1 to 0.2 s. */
  async cscli(...args: readonly string[]): Promise<string> {
    const { path, env } = this.#programs.cscli
    const { stdout } = await run(path, ['-c', join(this.#folder, 'config.yaml'), ...args], { env })
    return stdout
  }

  /** Posts one decision as a watcher does; it is in force when this resolves. */
  async addDecision(decision: NewDecision): Promise<void> {
    await this.postAlert([decision])
  }

  /**
   * Posts one alert that carries these decisions. They share their creation, so equal durations end at the same instant. `more`:
   * other fields of the alert.
   */
  async postAlert(decisions: readonly NewDecision[], more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const now = new Date().toISOString()
    const alert = {
      scenario: 'manual',
      scenario_hash: '',
      scenario_version: '',
      message: 'posted by a test',
      events_count: 1,
      events: [],
      start_at: now,
      stop_at: now,
      capacity: 0,
      leakspeed: '0',
      simulated: decisions.some((decision) => decision.simulated),
      source: { scope: 'Ip', value: '127.0.0.1' },
      decisions: decisions.map((decision) => ({
        scope: decision.scope ?? 'Ip',
        type: decision.type ?? 'ban',
        origin: decision.origin ?? 'cscli',
        scenario: decision.scenario ?? 'manual',
        value: decision.value,
        duration: typeof decision.duration === 'number' ? `${decision.duration}ms` : decision.duration,
      })),
      ...more,
    }
    await this.#asWatcher('POST', '/v1/alerts', [alert])
  }

  /** Ends decisions now, by the parameters of `DELETE /v1/decisions`: `value`, `type`, `scopes`, `origin`, `scenario`. */
  async deleteDecisions(query: Readonly<Record<string, string>>): Promise<void> {
    await this.#asWatcher('DELETE', `/v1/decisions?${new URLSearchParams(query)}`)
  }

  /** Stops and starts it again on the same port and database. */
  async restart(): Promise<void> {
    await this.#end()
    await this.#launch()
  }

  /** Ends the process and removes its folder. */
  async stop(): Promise<void> {
    await this.#end()
    await this.#agent.close()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #configure(): Promise<void> {
    const at = (path: string) => join(this.#folder, path)
    await mkdir(at('data'))
    await mkdir(at('hub'))
    const { tls, capi } = this.#options
    const online = { credentials_path: at('online_api_credentials.yaml') }
    // JSON is YAML. No `flush` in db_config: it would delete decisions that are in force.
    const config = {
      common: { daemonize: false, log_media: 'stdout', log_level: 'info', working_dir: this.#folder },
      config_paths: {
        config_dir: at(''),
        data_dir: at('data'),
        simulation_path: at('simulation.yaml'),
        hub_dir: at('hub'),
        index_path: at('hub/.index.json'),
        notification_dir: at('notifications'),
        plugin_dir: at('plugins'),
      },
      cscli: { output: 'human', color: 'no' },
      db_config: { log_level: 'info', type: 'sqlite', db_path: at('data/crowdsec.db'), use_wal: true },
      api: {
        client: { insecure_skip_verify: false, credentials_path: at('local_api_credentials.yaml') },
        server: {
          log_level: 'info',
          listen_uri: new URL(this.url).host,
          profiles_path: at('profiles.yaml'),
          console_path: at('console.yaml'),
          trusted_ips: ['127.0.0.1'],
          ...(tls ? { tls: tlsConfig(tls) } : {}),
          // Without it the engine knows of no CAPI.
          ...(capi ? { online_client: online } : {}),
        },
      },
      prometheus: { enabled: false },
    }
    await writeFile(at('config.yaml'), JSON.stringify(config))
    if (capi) await writeFile(online.credentials_path, JSON.stringify(onlineCredentials(capi)))
    const profile = { name: 'default', filters: ['false'], decisions: [{ type: 'ban', duration: '4h' }] }
    await writeFile(at('profiles.yaml'), JSON.stringify(profile))
    await writeFile(at('simulation.yaml'), 'simulation: false\n')
    await writeFile(at('hub/.index.json'), '{}')
    const credentials = ['-f', at('local_api_credentials.yaml')]
    await this.cscli('machines', 'add', machine.machine_id, '--password', machine.password, ...credentials)
    await this.cscli('bouncers', 'add', 'harness', '-k', this.apiKey)
  }

  async #launch(): Promise<void> {
    const { path, env } = this.#programs.crowdsec
    const logPath = join(this.#folder, 'crowdsec.log')
    const log = await open(logPath, 'a')
    const args = ['-k', '2', String(lifetimeSeconds), path, '-c', join(this.#folder, 'config.yaml'), '-no-cs']
    const child = spawn('timeout', args, { env, stdio: ['ignore', log.fd, log.fd] })
    await log.close()
    this.#process = child
    const spawnError = new Promise<never>((_, reject) => child.once('error', reject))
    spawnError.catch(() => {})
    const deadline = Date.now() + 30_000
    while (!(await Promise.race([this.#healthy(), spawnError]))) {
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`crowdsec did not come up on ${this.url}: ${(await readFile(logPath, 'utf8')).slice(-2000)}`)
      }
      await delay(20)
    }
  }

  async #healthy(): Promise<boolean> {
    return fetch(`${this.url}/health`, { dispatcher: this.#agent }).then(
      (answer) => answer.ok,
      () => false,
    )
  }

  async #end(): Promise<void> {
    const child = this.#process
    this.#process = null
    if (!child || child.exitCode !== null || child.pid === undefined) return
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    await gone
  }

  async #asWatcher(method: string, path: string, body?: unknown): Promise<void> {
    this.#token ??= await this.#login()
    const answer = await this.#request(method, path, body, this.#token)
    // Tokens die with the process that signed them.
    if (answer.status === 401) {
      this.#token = await this.#login()
      await this.#asWatcher(method, path, body)
      return
    }
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    await answer.arrayBuffer()
  }

  async #login(): Promise<string> {
    const answer = await this.#request('POST', '/v1/watchers/login', { ...machine, scenarios }, null)
    const body: unknown = await answer.json()
    if (!answer.ok) throw new Error(`login as a watcher: ${answer.status} ${JSON.stringify(body)}`)
    return (body as { token: string }).token
  }

  #request(method: string, path: string, body: unknown, token: string | null): Promise<Response> {
    return fetch(this.url + path, {
      dispatcher: this.#agent,
      method,
      // The login refuses a User-Agent without exactly one slash.
      headers: { 'User-Agent': 'harness/v1', ...(token === null ? {} : { Authorization: `Bearer ${token}` }) },
      body: body === undefined ? null : JSON.stringify(body),
    })
  }
}

function tlsConfig({ cert, key, ca, bouncersOu }: EngineTls) {
  return {
    cert_file: cert,
    key_file: key,
    ca_cert_path: ca,
    client_verification: 'VerifyClientCertIfGiven',
    bouncers_allowed_ou: [bouncersOu],
    agents_allowed_ou: ['nobody'],
  }
}

function onlineCredentials({ url, machineId, password }: EngineCapi) {
  if (new URL(url).hostname !== '127.0.0.1') throw new Error(`a CAPI on 127.0.0.1 is expected, got ${url}`)
  // The engine resolves its paths against the URL, so that it needs the slash.
  return { url: `${url}/`, login: machineId, password }
}

async function findPrograms(): Promise<Programs> {
  const source = { package: 'crowdsec', probe: ['version'], libraries: ['libsqlite3-0'] }
  const cscli = await debianProgram({ ...source, file: 'usr/bin/cscli' })
  const crowdsec = await debianProgram({ ...source, file: 'usr/bin/crowdsec', probe: ['-version'] })
  return { crowdsec, cscli }
}
