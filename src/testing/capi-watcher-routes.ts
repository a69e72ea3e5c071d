/** The routes of a FakeCapi that are about who a machine is: register, log in, reset the password, enroll. */

import { type CapiAnswer, type CapiExchange, json, message } from './capi-answer.js'
import { readBody } from './capi-bodies.js'
import type { CapiMachine } from './capi-machines.js'
import type { CapiState } from './capi-state.js'
import { loginBody, makeToken } from './capi-token.js'

const badBody = (errors: string) => message(400, 'Invalid request body', errors)

/** `POST /watchers`. */
export function register({ bodies, machines }: CapiState, exchange: CapiExchange): CapiAnswer {
  const read = readBody(bodies.register, exchange.body)
  if ('errors' in read) return badBody(read.errors)
  const { machine_id: machineId, password } = read.body
  return machines.register(machineId, password) ? message(200, 'OK') : message(500, 'User already registered.')
}

/** `POST /watchers/login`. CAPI answers 403 to wrong credentials and to too many logins alike. */
export function login({ rules, bodies, machines, throttle }: CapiState, exchange: CapiExchange): CapiAnswer {
  const { request, now } = exchange
  if (rules.throttle !== 'off' && throttle.login(request.socket.remoteAddress ?? '', now)) {
    return message(403, 'Forbidden')
  }
  const read = readBody(bodies.login, exchange.body)
  if ('errors' in read) return badBody(read.errors)
  const { machine_id: machineId, password, scenarios = [] } = read.body
  const expiresAt = now + rules.tokenLifetime
  const token = makeToken(machineId, rules.tokenShape, now, expiresAt)
  if (!machines.login({ machineId, password, scenarios }, token, expiresAt)) {
    return message(rules.badLogin, 'The machine_id or password is incorrect')
  }
  return json(200, loginBody(token, rules.tokenShape, expiresAt))
}

/** `POST /watchers/reset`. The contract asks for no token. */
export function reset({ bodies, machines }: CapiState, exchange: CapiExchange): CapiAnswer {
  const read = readBody(bodies.login, exchange.body)
  if ('errors' in read) return badBody(read.errors)
  return machines.reset(read.body.machine_id, read.body.password)
    ? message(200, 'OK')
    : message(404, 'The machine_id is not known')
}

/** `POST /watchers/enroll`. 200 says that nothing changed; somebody has to confirm a 202 in the console. */
export function enroll(
  { rules, bodies, machines }: CapiState,
  exchange: CapiExchange,
  machine: CapiMachine,
): CapiAnswer {
  const read = readBody(bodies.enroll, exchange.body)
  if ('errors' in read) return badBody(read.errors)
  const { attachment_key: attachmentKey, name = '', tags = [], overwrite = false } = read.body
  if (!rules.attachmentKeys.has(attachmentKey)) return message(403, 'The attachment key is not valid')
  if (machine.enrollment && !overwrite) return message(200, 'The machine is already enrolled')
  machines.enroll(machine.machineId, { attachmentKey, name, tags })
  return message(202, 'OK')
}
