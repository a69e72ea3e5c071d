/** CAPI in memory, by a clock of the test: its rules for ids, passwords, tokens and too many logins, and faults on demand. */

import type { CapiApi } from '../../src/capi/api/capi-api.js'
import type { EnrollAnswer, EnrollRequest, LoginAnswer, LoginRequest } from '../../src/capi/api/capi-calls.js'
import { refusalError } from '../../src/capi/api/refusal.js'
import { BouncerError } from '../../src/errors.js'

const MINUTE = 60_000

/**
 * A status in place of the answer; `html`: 200 with a page; `nobody`, `tls`: no connection; `lost`: never came; `late`: done, but
 * the answer is lost.
 */
export type Fault =
  | number
  | { readonly status: number; readonly retryAfter: number }
  | 'html'
  | 'nobody'
  | 'tls'
  | 'lost'
  | 'late'

export interface SeenRequest {
  readonly kind: 'register' | 'login' | 'enroll' | 'ask'
  readonly machineId: string
  /** Real time of the test. */
  readonly at: number
  readonly scenarios?: readonly string[]
}

interface Watcher {
  readonly password: string
  token: string | null
  expiresAt: number
}

export class SimulatedCapi implements Pick<CapiApi, 'target' | 'register' | 'login' | 'enroll'> {
  target = 'http://capi.test/v3/'
  readonly seen: SeenRequest[] = []
  readonly passwords = new Map<string, Set<string>>()
  readonly #watchers = new Map<string, Watcher>()
  readonly #time: () => number
  readonly #logins: number[] = []
  #bannedUntil = Number.NEGATIVE_INFINITY
  #tokens = 0
  /** Of a token; `exp` is by the real time, `null` for tokens that do not say. */
  tokenLife: number | null = 60 * MINUTE
  /** What happens to the next request: a queue, then as if by nature. */
  readonly faults: (Fault | 'none')[] = []
  /** Each request waits for it. */
  gate: Promise<void> = Promise.resolve()
  onRequest: (request: SeenRequest) => void | Promise<void> = () => {}

  constructor(time: () => number) {
    this.#time = time
  }

  /** Somebody else owns it. */
  own(machineId: string, password: string): void {
    this.#watchers.set(machineId, { password, token: null, expiresAt: 0 })
  }

  revoke(machineId: string): void {
    const watcher = this.#watchers.get(machineId)
    if (watcher !== undefined) watcher.token = null
  }

  async register({ machineId, password }: { readonly machineId: string; readonly password: string }): Promise<void> {
    this.passwords.set(machineId, (this.passwords.get(machineId) ?? new Set()).add(password))
    return this.#answer('watchers', { kind: 'register', machineId, at: this.#time() }, () => {
      if (this.#watchers.has(machineId)) throw refusal('watchers', 500, 'User already registered.')
      this.#watchers.set(machineId, { password, token: null, expiresAt: 0 })
    })
  }

  async login({ machineId, password, scenarios }: LoginRequest): Promise<LoginAnswer> {
    return this.#answer('watchers/login', { kind: 'login', machineId, at: this.#time(), scenarios }, () => {
      const watcher = this.#watchers.get(machineId)
      if (watcher?.password !== password) {
        throw refusal('watchers/login', 403, 'The machine_id or password is incorrect')
      }
      watcher.token = `token-${++this.#tokens}`
      watcher.expiresAt = this.#time() + (this.tokenLife ?? Number.POSITIVE_INFINITY)
      return { token: watcher.token, expiresAt: this.tokenLife === null ? null : watcher.expiresAt }
    })
  }

  async enroll(token: string, { attachmentKey }: EnrollRequest): Promise<EnrollAnswer> {
    return this.#answer(
      'watchers/enroll',
      { kind: 'enroll', machineId: this.#ownerOf(token), at: this.#time() },
      () => {
        if (attachmentKey !== 'good') throw refusal('watchers/enroll', 403, 'The attachment key provided is not valid')
        return 'accepted'
      },
    )
  }

  /** Any authenticated request. */
  async ask(machineId: string, token: string): Promise<string> {
    return this.#answer('signals', { kind: 'ask', machineId, at: this.#time() }, () => {
      const watcher = this.#watchers.get(machineId)
      if (watcher?.token !== token || watcher.expiresAt <= this.#time()) throw refusal('signals', 401, 'Unauthorized')
      return 'OK'
    })
  }

  /** `register login ask`: the requests since the last call. */
  takeSeen(): string {
    return this.seen
      .splice(0)
      .map(({ kind }) => kind)
      .join(' ')
  }

  #ownerOf(token: string): string {
    return [...this.#watchers].find(([, watcher]) => watcher.token === token)?.[0] ?? 'nobody'
  }

  async #answer<Result>(path: string, request: SeenRequest, act: () => Result): Promise<Result> {
    this.seen.push(request)
    await this.onRequest(request)
    await this.gate
    const fault = this.faults.shift() ?? 'none'
    if (fault === 'nobody') throw new BouncerError('ERR_CSB_CONNECT', 'Nothing answers')
    if (fault === 'tls') throw new BouncerError('ERR_CSB_TLS', 'The certificate is over')
    if (fault === 'lost') throw new BouncerError('ERR_CSB_CONNECTION_LOST', 'The connection broke')
    if (fault === 'html') throw new BouncerError('ERR_CSB_CAPI_BODY', 'The answer is not JSON: "<html>"')
    if (typeof fault === 'number') throw refusal(path, fault, `fault ${fault}`)
    if (typeof fault === 'object') throw refusal(path, fault.status, `fault ${fault.status}`, fault.retryAfter)
    this.#throttle(path, request)
    const result = act()
    if (fault === 'late') throw new BouncerError('ERR_CSB_TIMEOUT', 'did not answer in full within 10000 ms')
    return result
  }

  /** More than 20 logins in 50 minutes: 403 to everything, for an hour. */
  #throttle(path: string, { kind, at }: SeenRequest): void {
    if (kind === 'login') this.#logins.push(at)
    if (this.#logins.filter((login) => login > at - 50 * MINUTE).length > 20) this.#bannedUntil = at + 60 * MINUTE
    if (at < this.#bannedUntil) throw refusal(path, 403, 'Forbidden')
  }
}

export function refusal(path: string, status: number, message: string, retryAfter?: number) {
  return refusalError({
    target: 'http://simulated/v3/',
    path,
    status,
    body: JSON.stringify({ message }),
    retryAfter,
    secrets: [],
  })
}
