/** What CAPI takes as bodies: the definitions of CrowdSec's swagger "prod-capi-v3", written down again. */

import { z } from 'zod'

/** `48`: exactly 48 letters and digits, as the swagger has it for login and reset. `any`: at least one. */
export type MachineIdRule = '48' | 'any'

/** Of a batch in which much is wrong. */
const issuesNamed = 10

const alphanumeric = z.string().regex(/^[a-zA-Z0-9]+$/, 'letters and digits only')

/** Registering does not look at the length of an id. */
const register = z.object({ machine_id: alphanumeric, password: z.string().min(1) })

const bouncer = z.looseObject({ custom_name: z.string(), name: z.string(), version: z.string(), last_pull: z.string() })
const machine = z.looseObject({ name: z.string(), version: z.string(), last_update: z.string(), last_push: z.string() })

/** Every body that a FakeCapi reads. */
export interface CapiBodies {
  readonly register: z.ZodType<{ machine_id: string; password: string }>
  readonly login: z.ZodType<{ machine_id: string; password: string; scenarios?: string[] | undefined }>
  readonly enroll: z.ZodType<{
    attachment_key: string
    name?: string | undefined
    tags?: string[] | undefined
    overwrite?: boolean | undefined
  }>
  readonly metrics: z.ZodType
  readonly usageMetrics: z.ZodType
  readonly batch: z.ZodType<unknown[]>
  readonly signals: z.ZodType<Record<string, unknown>[]>
}

/**
 * `batchLimit`: signals in one push. `strict`: no field that the contract does not name, and no null, which the Python SDK sends
 * for what it does not know.
 */
export function capiBodies(
  machineIdRule: MachineIdRule,
  { batchLimit, strict }: { readonly batchLimit: number; readonly strict: boolean },
): CapiBodies {
  const machineId = machineIdRule === '48' ? alphanumeric.length(48) : alphanumeric
  return {
    register,
    login: register.extend({ machine_id: machineId, scenarios: z.array(z.string()).optional() }),
    enroll: z.object({
      attachment_key: alphanumeric,
      name: z.string().optional(),
      tags: z.array(z.string()).optional(),
      overwrite: z.boolean().optional(),
    }),
    metrics: z.looseObject({ bouncers: z.array(bouncer.partial()), machines: z.array(machine.partial()) }),
    usageMetrics: z.looseObject({}),
    batch: z.array(z.unknown()).max(batchLimit),
    signals: z.array(signalSchema(strict)),
  }
}

function signalSchema(strict: boolean): z.ZodType<Record<string, unknown>> {
  const object = (shape: z.ZodRawShape): z.ZodType<Record<string, unknown>> =>
    strict ? z.strictObject(shape) : z.looseObject(shape)
  const maybe = (schema: z.ZodType): z.ZodType => (strict ? schema.optional() : schema.nullish())
  const text = z.string()
  const decision = object({
    duration: text,
    id: z.int(),
    origin: text,
    scenario: text,
    scope: text,
    type: text,
    value: text,
    uuid: maybe(text),
    until: maybe(text),
    simulated: maybe(z.boolean()),
  })
  const source = object({
    scope: text,
    value: text,
    ip: maybe(text),
    range: maybe(text),
    as_number: maybe(text),
    as_name: maybe(text),
    cn: maybe(text),
    latitude: maybe(z.number()),
    longitude: maybe(z.number()),
  })
  return object({
    message: text,
    scenario: text,
    scenario_hash: text,
    scenario_version: text,
    source,
    start_at: text,
    stop_at: text,
    created_at: maybe(text),
    machine_id: maybe(text),
    uuid: maybe(text),
    scenario_trust: maybe(text),
    alert_id: maybe(z.int()),
    kind: maybe(text),
    context: maybe(z.array(object({ key: maybe(text), value: maybe(text) }))),
    decisions: maybe(z.array(decision)),
  })
}

/** What was read in the asked form, or the text for `errors`. */
export type Read<Body> = { readonly body: Body } | { readonly errors: string }

export function readBody<Body>(schema: z.ZodType<Body>, text: string): Read<Body> {
  try {
    return readValue(schema, JSON.parse(text))
  } catch {
    return { errors: 'the body is not JSON' }
  }
}

export function readValue<Body>(schema: z.ZodType<Body>, value: unknown): Read<Body> {
  const result = schema.safeParse(value)
  if (result.success) return { body: result.data }
  const issues = result.error.issues.slice(0, issuesNamed)
  return { errors: issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') }
}
