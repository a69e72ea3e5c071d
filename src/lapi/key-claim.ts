/**
 * Notices a second process on this machine that pulls the stream with the same key. A LAPI sends each change once for a key at
 * an address (before 1.6.4 once for a key), so each of the two would miss what the other one got, and no answer would show it.
 */

import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:net'

export interface KeyClaimOptions {
  readonly apiUrl: string
  /** Of no use to whoever sees the claim: only its hash is shown. */
  readonly apiKey: string
  /** Told once, if another process holds the key and still holds it `patience` later. */
  readonly onShared: () => void
  /** Milliseconds. Default 30 s: during a restart the old process may still be there. */
  readonly patience?: number
}

const PATIENCE = 30_000

/**
 * Linux keeps abstract sockets by network namespace, which is what has one address to the LAPI, and drops them with their
 * process. Elsewhere there is nothing as reliable, and nothing is noticed.
 */
export class KeyClaim {
  readonly #options: KeyClaimOptions
  #server: Server | null = null
  #again: NodeJS.Timeout | null = null
  #isStopped = false

  constructor(options: KeyClaimOptions) {
    this.#options = options
  }

  start(platform: NodeJS.Platform = process.platform): void {
    if (platform === 'linux') this.#claim('first')
  }

  stop(): void {
    this.#isStopped = true
    if (this.#again !== null) clearTimeout(this.#again)
    this.#server?.close()
  }

  #claim(attempt: 'first' | 'second'): void {
    this.#server = createServer((connection) => connection.destroy())
    this.#server.unref()
    this.#server.on('error', (error: NodeJS.ErrnoException) => {
      this.#server = null
      // Whatever else goes wrong (a sandbox, say) tells nothing about the key. The error comes a moment later than the claim.
      if (error.code === 'EADDRINUSE' && !this.#isStopped) this.#taken(attempt)
    })
    // Exclusive: the workers of a cluster would share one socket otherwise, and they are who must be noticed.
    this.#server.listen({ path: nameOf(this.#options), exclusive: true })
  }

  #taken(attempt: 'first' | 'second'): void {
    if (attempt === 'second') this.#options.onShared()
    else {
      this.#again = setTimeout(() => this.#claim('second'), this.#options.patience ?? PATIENCE)
      this.#again.unref()
    }
  }
}

function nameOf({ apiUrl, apiKey }: KeyClaimOptions): string {
  const hash = createHash('sha256').update(JSON.stringify([apiUrl, apiKey]))
  return `\0crowdsec-bouncer-${hash.digest('hex').slice(0, 32)}`
}
