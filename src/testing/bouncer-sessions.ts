/** Who may ask a FakeLapi, and how far each has pulled: the table of `cscli bouncers list`. */

import type { LapiTraits } from './lapi-version.js'

/** One row of `cscli bouncers list`. */
export interface BouncerSession {
  /** As registered; `name@address` for further addresses with the same key (since 1.6.4). */
  readonly name: string
  /** The peer of the latest request, or empty. */
  readonly address: string
  /** From the User-Agent `type/version`; one without exactly one slash is the type, and the version `N/A`. */
  readonly type: string
  readonly version: string
  /** Unix milliseconds, or null where this version does not say that it pulled. */
  readonly lastPull: number | null
}

type MutableSession = { -readonly [Field in keyof BouncerSession]: BouncerSession[Field] }

export class BouncerSessions {
  readonly #traits: LapiTraits
  readonly #keys = new Map<string, string>()
  readonly #sessions = new Map<string, MutableSession>()

  constructor(traits: LapiTraits) {
    this.#traits = traits
  }

  add(name: string, key: string, now: number): void {
    if (this.#keys.has(name)) throw new Error(`unable to create bouncer: bouncer ${name} already exists`)
    this.#keys.set(name, key)
    this.#open(name, now)
  }

  /** Its key is refused from now on. */
  remove(name: string): void {
    this.#keys.delete(name)
    for (const session of this.#sessions.keys()) {
      if (session === name || session.startsWith(`${name}@`)) this.#sessions.delete(session)
    }
  }

  /** A new database in which the same keys were registered again, or none. */
  wipe(keys: 'kept' | 'lost', now: number): void {
    this.#sessions.clear()
    if (keys === 'lost') this.#keys.clear()
    for (const name of this.#keys.keys()) this.#open(name, now)
  }

  list(): readonly BouncerSession[] {
    return [...this.#sessions.values()].map((session) => ({ ...session }))
  }

  /** The bouncer that has this key, or null. Notes nothing. */
  find(key: string | undefined): BouncerSession | null {
    const name = this.#nameOf(key)
    const session = name === null ? undefined : this.#sessions.get(name)
    return session ? { ...session } : null
  }

  /** The session that a request belongs to, or null for a bad key. Notes the address and the User-Agent. */
  enter(key: string | undefined, address: string, userAgent: string, now: number): BouncerSession | null {
    const name = this.#nameOf(key)
    if (name === null) return null
    const session = this.#sessionFor(name, address, now)
    const parts = userAgent.split('/')
    const [type, version] = parts.length === 2 ? parts : [userAgent, 'N/A']
    Object.assign(session, { address, type, version })
    return { ...session }
  }

  /** Moves `last_pull` of the session. */
  pulled(name: string, at: number): void {
    const session = this.#sessions.get(name)
    if (session) session.lastPull = at
  }

  #nameOf(key: string | undefined): string | null {
    for (const [name, known] of this.#keys) if (key !== undefined && known === key) return name
    return null
  }

  #sessionFor(name: string, address: string, now: number): MutableSession {
    const base = this.#sessions.get(name) ?? this.#open(name, now)
    if (this.#traits.session === 'key' || base.address === '' || base.address === address) return base
    const own = `${name}@${address}`
    return this.#sessions.get(own) ?? this.#open(own, now)
  }

  #open(name: string, now: number): MutableSession {
    const lastPull = this.#traits.firstPull === 'registration' ? now : null
    const session: MutableSession = { name, address: '', type: '', version: '', lastPull }
    this.#sessions.set(name, session)
    return session
  }
}
