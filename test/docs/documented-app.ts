/** Runs apps as they stand in the documentation: in a project that has the package and its dependencies installed. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { type FakeCapi, FakeLapi } from '../../src/testing/index.js'

const ROOT = resolve(import.meta.dirname, '../..')

export class Project {
  readonly directory: string

  /** `dependencies` are linked from this repository. `remove()` it in the end. */
  static async create(dependencies: readonly string[]): Promise<Project> {
    const project = new Project(await mkdtemp(join(tmpdir(), 'csb-project-')))
    await project.link('crowdsec-bouncer', ROOT)
    for (const name of dependencies) await project.link(name, join(ROOT, 'node_modules', name))
    return project
  }

  constructor(directory: string) {
    this.directory = directory
  }

  async link(name: string, target: string): Promise<void> {
    const path = join(this.directory, 'node_modules', name)
    await mkdir(dirname(path), { recursive: true })
    await symlink(target, path)
  }

  write(file: string, text: string): Promise<void> {
    return writeFile(join(this.directory, file), text)
  }

  remove(): Promise<void> {
    return rm(this.directory, { recursive: true })
  }

  /**
   * Starts an app, with the LAPI and the port that are written in it replaced, and waits until it has the decisions of `peer`. `env`:
   * beside where that is.
   */
  async runApp(file: string, text: string, peer: FakeLapi | FakeCapi, env: Environment = {}): Promise<DocumentedApp> {
    const port = await freePort()
    await this.write(file, text.replace('http://127.0.0.1:8080', peer.url).replace('3000', String(port)))
    return startApp(this.directory, [file], port, peer, env)
  }
}

type Environment = Readonly<Record<string, string>>

export interface DocumentedApp {
  readonly url: string
  /** Resolves with its exit code when it has ended; null where it left that to the signal. */
  stop(): Promise<number | null>
}

/** Runs `node ...args`, which is to listen on `port`. */
export async function startApp(
  cwd: string,
  args: readonly string[],
  port: number,
  peer: FakeLapi | FakeCapi,
  more: Environment = {},
): Promise<DocumentedApp> {
  const env = { ...process.env, ...environmentOf(peer), PORT: String(port), ...more }
  const synced = peer.nextAnswer(({ path }) => path.includes('/decisions'))
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] })
  const exited = once(child, 'exit')
  const stop = async (): Promise<number | null> => {
    child.kill()
    const [code] = await exited
    return code
  }
  const url = `http://127.0.0.1:${port}/`
  const failed = exited.then(() => Promise.reject(new Error(`${args.join(' ')} ended`)))
  failed.catch(() => {})
  await Promise.race([Promise.all([synced, untilListening(url)]), failed])
  return { url, stop }
}

/** What tells an app where it gets its decisions. The links of a FakeCapi point to itself, on the loopback interface. */
export function environmentOf(peer: FakeLapi | FakeCapi): Environment {
  if (peer instanceof FakeLapi) return { CROWDSEC_API_KEY: peer.apiKey, LAPI_URL: peer.url }
  return { CAPI_URL: `${peer.url}/v3`, CAPI_ALLOW_PRIVATE_LINKS: 'true' }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

async function untilListening(url: string): Promise<void> {
  const deadline = Date.now() + 15_000
  while (Date.now() < deadline) {
    const answer = await fetch(url).catch(() => null)
    if (answer !== null) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`nobody listens at ${url}`)
}
