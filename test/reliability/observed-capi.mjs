/** A FakeCapi that keeps account of every push: who sent it, what struck it, which signals it took. */

import { FakeCapi } from '../../dist/src/testing/index.js'

/** With these a push is processed, and the client does not hear of it. */
const UNHEARD = new Set(['lost', 'cut'])

/** A machine has one push under way at a time. */
const machineOf = (body) => /"machine_id":"(\w+)"/.exec(body)?.[1]

export class ObservedCapi extends FakeCapi {
  /**
   * In order of arrival: `child`, the process that sent it; `machineId`; `uuids` that were taken; `isBroken`, that CAPI took them
   * and nobody can have noted that for sure.
   */
  pushes = []
  /** How often each kind of fault struck a push. */
  faults = {}
  /** The process that is at work. */
  child = 0
  /** Called for each push that was taken, before it is answered. */
  onTaken = () => {}

  static async start(options) {
    const capi = new ObservedCapi({ ...options, onSignals: (batch) => capi.#take(batch) })
    await capi.up()
    return capi
  }

  /** The process is dead: of each machine its last push, where that was taken, has met nobody who could mark it. */
  killed() {
    const last = new Map(this.#ofChild().map((push) => [push.machineId, push]))
    for (const push of last.values()) if (push.uuids.length > 0) push.isBroken = true
    return [...last.values()].filter(({ uuids }) => uuids.length > 0).length
  }

  /** How many pushes of the process at work were taken. */
  get taken() {
    return this.#ofChild().filter(({ uuids }) => uuids.length > 0).length
  }

  // A push is judged, processed and handed to onSignals in one turn, so that it is the last one of the list.
  faultFor(request) {
    const fault = super.faultFor(request)
    if (request.path !== '/v3/signals') return fault
    const kind = fault?.kind ?? 'none'
    if (fault !== null) this.faults[kind] = (this.faults[kind] ?? 0) + 1
    const { child } = this
    this.pushes.push({ child, machineId: machineOf(request.body), uuids: [], isBroken: UNHEARD.has(kind) })
    return fault
  }

  #ofChild() {
    return this.pushes.filter(({ child }) => child === this.child)
  }

  #take(batch) {
    const push = this.pushes.at(-1)
    push.uuids = batch.map(({ uuid }) => uuid)
    this.onTaken(push)
  }
}
