/** The machines that a FakeCapi knows, by id: their passwords, scenarios and enrollment, and which tokens are good. */

export interface Enrollment {
  readonly attachmentKey: string
  readonly name: string
  readonly tags: readonly string[]
}

export interface CapiMachine {
  readonly machineId: string
  readonly password: string
  /** Of the latest login. */
  readonly scenarios: readonly string[]
  /** Successful ones. */
  readonly logins: number
  readonly enrollment: Enrollment | null
}

type MutableMachine = { -readonly [Field in keyof CapiMachine]: CapiMachine[Field] }

interface IssuedToken {
  readonly machine: MutableMachine
  /** Unix milliseconds. */
  readonly expiresAt: number
}

export class CapiMachines {
  readonly #machines = new Map<string, MutableMachine>()
  readonly #tokens = new Map<string, IssuedToken>()

  /** False where the id is taken. */
  register(machineId: string, password: string): boolean {
    if (this.#machines.has(machineId)) return false
    this.#machines.set(machineId, { machineId, password, scenarios: [], logins: 0, enrollment: null })
    return true
  }

  /** Takes the token for good until `expiresAt`. False, and nothing changed, where the credentials are wrong. */
  login(
    { machineId, password, scenarios }: Pick<CapiMachine, 'machineId' | 'password' | 'scenarios'>,
    token: string,
    expiresAt: number,
  ): boolean {
    const machine = this.#machines.get(machineId)
    if (machine?.password !== password) return false
    machine.scenarios = scenarios
    machine.logins += 1
    this.#tokens.set(token, { machine, expiresAt })
    return true
  }

  /** A new password; older tokens are good no longer. False where nobody has the id. */
  reset(machineId: string, password: string): boolean {
    const machine = this.#machines.get(machineId)
    if (!machine) return false
    machine.password = password
    this.revoke(machineId)
    return true
  }

  enroll(machineId: string, enrollment: Enrollment): void {
    const machine = this.#machines.get(machineId)
    if (machine) machine.enrollment = enrollment
  }

  /** Whose good token this is: `Bearer` and the token, or the token alone as the Python SDK sends it. Null for all others. */
  machineOf(authorization: string | undefined, now: number): CapiMachine | null {
    const token = authorization?.replace(/^Bearer +/i, '')
    const issued = token === undefined ? undefined : this.#tokens.get(token)
    return issued && now < issued.expiresAt ? issued.machine : null
  }

  /** Makes the tokens of one machine, or of all, good no longer. */
  revoke(machineId?: string): void {
    for (const [token, { machine }] of this.#tokens) {
      if (machineId === undefined || machine.machineId === machineId) this.#tokens.delete(token)
    }
  }

  list(): readonly CapiMachine[] {
    return [...this.#machines.values()].map((machine) => ({ ...machine }))
  }
}
