/** Options from environment variables named `CROWDSEC_BOUNCER_` and the option in upper snake case. */

import { type Layer, readLayer } from './layer.js'
import { environmentPrefix, inEnvironment } from './spelling.js'

// Kubernetes and Docker links set such variables for every service in reach, and one may well be named `crowdsec-bouncer`.
const serviceLink = /^(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/

/** What a command takes from the environment and no file: a secret that is used once. */
export const attachmentKeyVariable = `${environmentPrefix}ATTACHMENT_KEY`

/** An empty variable counts as not set: it is what `docker compose` and unit files make of a variable that is missing. */
export function environmentLayer(environment: NodeJS.ProcessEnv): Layer {
  const entries = Object.entries(environment).filter(
    ([name, value]) =>
      name.startsWith(environmentPrefix) &&
      name !== attachmentKeyVariable &&
      value !== '' &&
      !serviceLink.test(name.slice(environmentPrefix.length)),
  )
  return readLayer(entries, {
    spelling: inEnvironment,
    places: ['everywhere', 'service'],
    directory: process.cwd(),
    variables: 'literal',
    where: '',
  })
}
