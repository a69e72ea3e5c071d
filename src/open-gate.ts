/** What the face of every web framework begins with: a bouncer, and a gate for its kind of requests. */

import { Bouncer, createBouncer } from './bouncer.js'
import type { BouncerOptions } from './config/options/options.js'
import type { RouteOverrides } from './config/route-options.js'
import type { Gate, RequestReader } from './gate.js'

/** A framework's face: the bouncer, and the gate through which its requests go. */
export interface OpenGate<Request> {
  readonly bouncer: Bouncer
  readonly gate: Gate<Request>
}

/**
 * A bouncer of the caller's own is taken as it is; of options one is made and started in the
 * background. Throws `ERR_CSB_CONFIG` at once, and then nothing was started.
 */
export function openGate<Request>(
  options: BouncerOptions | Bouncer,
  reader: RequestReader<Request>,
  overrides?: RouteOverrides,
): OpenGate<Request> {
  const bouncer = options instanceof Bouncer ? options : createBouncer(options)
  const gate = bouncer.gate(reader, overrides)
  if (bouncer !== options) bouncer.startInBackground()
  return { bouncer, gate }
}
