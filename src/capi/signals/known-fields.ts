/** Refuses properties that a signal is not made of: `attacker_ip` would else only be an `attackerIp` that is missing. */

import { BouncerError } from '../../errors.js'
import { didYouMean } from '../../nearest-name.js'

/** Throws `ERR_CSB_SIGNAL` with all of them. `within` stands before their names. What is undefined counts as not given. */
export function requireKnownFields(given: unknown, known: readonly string[], within = ''): void {
  if (typeof given !== 'object' || given === null) return
  const problems = Object.entries(given)
    .filter(([name, value]) => value !== undefined && !known.includes(name))
    .map(([name]) => `${within}${name}: unknown field${didYouMean(name, known)}`)
  if (problems.length > 0) throw new BouncerError('ERR_CSB_SIGNAL', problems.join('; '))
}
