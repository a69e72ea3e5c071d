/** A signal from what a person or a program wrote: a few properties, or all that travels to CAPI. */

import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { parseTime } from '../../capi/timestamp.js'
import { buildSignal, type Signal, validateSignal } from '../../capi-client.js'
import { BouncerError } from '../../errors.js'
import { isAddress } from '../../net/address.js'

const text = z.string('expected text')

/** The short form. */
const short = z.strictObject(
  {
    /** An address or a CIDR. */
    address: text,
    scenario: text,
    message: text.optional(),
    /** Default now. */
    at: text
      .refine((value) => parseTime(value) !== null, 'expected a time with an offset, such as 2024-01-26T10:20:46Z')
      .optional(),
    /** Several texts of one key as a list. */
    context: z
      .record(z.string(), z.union([text, z.array(text)], 'expected text'), 'expected an object of texts')
      .optional(),
    machine_id: text.optional(),
    /** Default random. What is known by its uuid is not added again. */
    uuid: text.optional(),
  },
  { error: ({ code }) => (code === 'invalid_type' ? 'expected a JSON object' : undefined) },
)

export type ShortSignal = z.input<typeof short>

/**
 * What has a `source` is in the long form: a signal as it travels, of which CAPI's contract does not require all, or a row of the
 * Python SDK. Throws `ERR_CSB_SIGNAL`.
 */
export function signalFromRecord(content: unknown, machineId: string): Signal {
  if (content === undefined) throw new BouncerError('ERR_CSB_SIGNAL', 'not JSON; expected one signal a line')
  if (typeof content === 'object' && content !== null && 'source' in content) {
    return validateSignal(withDefaults(content, machineId))
  }
  const { data, error } = short.safeParse(content)
  if (error !== undefined) throw new BouncerError('ERR_CSB_SIGNAL', error.issues.map(problem).join('; '))
  const { address, scenario, message, at, context = {}, machine_id = machineId, uuid } = data
  const createdAt = at === undefined ? null : parseTime(at)
  return buildSignal(
    {
      machineId: machine_id,
      scenario,
      message,
      uuid,
      createdAt: createdAt === null ? undefined : new Date(createdAt),
      context: Object.entries(context).flatMap(([key, values]) => [values].flat().map((value) => ({ key, value }))),
    },
    { scope: address.includes('/') && !isAddress(address) ? 'range' : 'ip', value: address },
  )
}

/** Without the SDK's own `sent`. Null counts as missing only where there is a default: what is wrong is told as it came. */
function withDefaults(content: object, machineId: string): object {
  const defaults = {
    uuid: randomUUID(),
    machine_id: machineId,
    created_at: new Date().toISOString(),
    scenario_trust: 'manual',
    context: [],
    decisions: [],
  }
  const isGiven = (name: string, value: unknown) => name !== 'sent' && (value !== null || !(name in defaults))
  const given = Object.entries(content).filter(([name, value]) => isGiven(name, value))
  return { ...defaults, ...Object.fromEntries(given) }
}

function problem({ path, code, message, ...issue }: z.core.$ZodIssue): string {
  if (code === 'unrecognized_keys' && 'keys' in issue) return `unknown ${issue.keys.join(', ')}`
  return path.length === 0 ? message : `${path.join('.')}: ${message}`
}
