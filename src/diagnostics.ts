/**
 * Channels of Node's `diagnostics_channel`, for tracing tools that know nothing of this package's classes. Where nobody
 * subscribes, a channel costs one look.
 */

import { type Channel, channel } from 'node:diagnostics_channel'

/** `{ address, verdict }`: an address was judged, whatever the verdict. */
export const verdictChannel: Channel = channel('crowdsec-bouncer:verdict')

/** `{ source, kind, held, added, removed, skipped, milliseconds }`: what a source delivered is in force. */
export const syncChannel: Channel = channel('crowdsec-bouncer:sync')

/** `{ error, source }`: something failed; `source` is null where it was no source of decisions. */
export const errorChannel: Channel = channel('crowdsec-bouncer:error')
