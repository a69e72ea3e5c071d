/** The connections to one server: straight, over a unix socket, or through the proxy that the environment names. */

import { isIPv4, type LookupFunction } from 'node:net'
import { Agent, buildConnector, type Dispatcher, EnvHttpProxyAgent } from 'undici'
import { BouncerError } from '../errors.js'
import type { BaseUrl } from './base-url.js'
import type { TlsMaterial } from './tls-files.js'

export interface ConnectionsOptions {
  readonly base: BaseUrl
  readonly tls: TlsMaterial
  /** Whether the server's certificate is checked. */
  readonly verify: boolean
  readonly lookup?: LookupFunction | undefined
}

const CONNECT_TIMEOUT = 10_000

export class Connections {
  readonly dispatcher: Dispatcher
  /** Whether the environment names a proxy that may stand in between (unless NO_PROXY names the server). */
  readonly mayUseProxy: boolean
  readonly #options: ConnectionsOptions
  readonly #connecting = new Set<AbortController>()

  /** Connects when first used. Throws `ERR_CSB_CONFIG` if the environment's proxy is not a URL. */
  constructor(options: ConnectionsOptions) {
    this.#options = options
    this.mayUseProxy = hasProxy(process.env) && isRemote(options.base)
    this.dispatcher = this.mayUseProxy ? this.#proxied() : new Agent(this.#direct())
  }

  /** Lets exchanges under way finish. */
  async retire(): Promise<void> {
    await this.dispatcher.close()
  }

  /** Closes every connection, also those in use. */
  async destroy(): Promise<void> {
    for (const connect of this.#connecting) connect.abort()
    await this.dispatcher.destroy()
  }

  #direct(): Agent.Options {
    return {
      connect: (options, callback) => this.#connect(options, callback),
      // The deadline of each exchange bounds all of undici's own phases.
      headersTimeout: 0,
      bodyTimeout: 0,
      connections: 4,
    }
  }

  #proxied(): Dispatcher {
    try {
      return new EnvHttpProxyAgent({
        ...this.#direct(),
        // Plain HTTP is asked for as RFC 9112 section 3.2.2 says: proxies tunnel to few ports, and 8080 is seldom one.
        proxyTunnel: false,
        proxyTls: { timeout: CONNECT_TIMEOUT },
        requestTls: { ...this.#tls(), timeout: CONNECT_TIMEOUT },
      })
    } catch {
      // Without the cause, which holds the URL, which may hold a password.
      const message = 'HTTP_PROXY or HTTPS_PROXY in the environment: expected a URL such as http://proxy.example:3128'
      throw new BouncerError('ERR_CSB_CONFIG', message)
    }
  }

  /** Connects under way are known, because `destroy` leaves them to their timeout. */
  #connect(options: buildConnector.Options, callback: buildConnector.Callback): void {
    const abort = new AbortController()
    this.#connecting.add(abort)
    const { base, lookup } = this.#options
    const { socketPath } = base
    const asked = lookup === undefined ? {} : { lookup }
    const limits = { timeout: CONNECT_TIMEOUT, signal: abort.signal }
    const connector = buildConnector({ ...limits, socketPath, ...asked, ...this.#tls() })
    connector(options, (...outcome) => {
      this.#connecting.delete(abort)
      callback(...outcome)
    })
  }

  #tls() {
    return { ...this.#options.tls, rejectUnauthorized: this.#options.verify }
  }
}

function hasProxy(environment: NodeJS.ProcessEnv): boolean {
  const names = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY']
  return names.some((name) => (environment[name] ?? '') !== '')
}

/** A proxy cannot know what this machine calls itself. */
function isRemote({ url, socketPath }: BaseUrl): boolean {
  const { hostname } = url
  const isLoopback =
    hostname === '[::1]' || /(?:^|\.)localhost$/.test(hostname) || (isIPv4(hostname) && hostname.startsWith('127.'))
  return socketPath === null && !isLoopback
}
