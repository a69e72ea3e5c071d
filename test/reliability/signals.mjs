/** Signals that are the same for the same seed: what a process stored before it was killed, the next one can store again. */

import { createHash } from 'node:crypto'
import { createSignal, generateMachineId } from '../../dist/src/capi-client.js'

export const SCENARIO = 'crowdsecurity/http-bf'

/** They are sent for at the same time. */
export const MACHINES = ['one', 'two', 'three', 'four'].map((key) => generateMachineId(key))

const start = Date.parse('2026-01-02T03:04:05Z')

/** Signals number `from` to `to` - 1. */
export function signalsOf(seed, from, to) {
  return Array.from({ length: to - from }, (_, offset) => signalOf(seed, from + offset))
}

function uuidOf(seed, index) {
  const digits = createHash('sha256').update(`${seed} ${index}`).digest('hex')
  return digits.slice(0, 32).replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

function signalOf(seed, index) {
  const attackerIp = `203.${(index >>> 16) & 255}.${(index >>> 8) & 255}.${index & 255}`
  return createSignal({
    uuid: uuidOf(seed, index),
    machineId: MACHINES[index % MACHINES.length],
    attackerIp,
    scenario: SCENARIO,
    createdAt: new Date(start + index),
    message: `Ip ${attackerIp} performed '${SCENARIO}' (6 events)`,
    context: [
      { key: 'target_uri', value: `/login/${index}` },
      { key: 'user_agent', value: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36' },
    ],
  })
}
