/** What calls to CAPI take besides what they are about. */

import type { DecisionsRequest } from './capi-calls.js'

export interface Cancelable {
  /** Gives up early: the call rejects with its reason. */
  readonly signal?: AbortSignal
}

export interface DecisionsOptions extends Cancelable, Pick<DecisionsRequest, 'communityPull' | 'additionalPull'> {}

export interface DownloadOptions extends Cancelable {
  /** When the list was last downloaded, where it is still at hand. */
  readonly ifModifiedSince?: Date
}
