/** How a machine stands, for people and for scripts. */

import type { MachineState, Standing } from '../../capi-client.js'
import type { ListFormat } from './output.js'
import { timeText } from './span-text.js'

export const machineFormat: ListFormat<MachineState> = {
  header: ['machine', 'state', 'registration', 'token', 'scenarios'],
  row: (machine) => [
    machine.machineId,
    standingText(machine.standing),
    machine.registration,
    tokenText(machine),
    machine.scenarios.join(',') || 'none',
  ],
  document: machineDocument,
}

export function machineDocument({ machineId, standing, registration, token, tokenExpiresAt, ...rest }: MachineState) {
  const { state, reason, until, failures, message } = { ...noTrouble, ...standing }
  return {
    machine_id: machineId,
    state,
    reason,
    until: until === null ? null : timeText(until),
    failures,
    message,
    registration,
    token,
    token_until: tokenExpiresAt === null ? null : timeText(tokenExpiresAt),
    scenarios: rest.scenarios,
    created_at: timeText(rest.createdAt),
  }
}

const noTrouble = { reason: null, until: null, failures: 0, message: null }

export function standingText(standing: Standing): string {
  if (standing.state === 'active') return 'active'
  const what = standing.state === 'blocked' ? `blocked (${standing.reason})` : 'backing off'
  return `${what} ${endText(standing.until)}: ${standing.message}`
}

function endText(until: number | null): string {
  if (until === null) return 'until it is unblocked'
  return until <= Date.now() ? 'until the next request' : `until ${timeText(until)}`
}

export function tokenText({ token, tokenExpiresAt }: MachineState): string {
  if (token === 'none') return 'none'
  return tokenExpiresAt === null ? 'until it is refused' : `until ${timeText(tokenExpiresAt)}`
}
