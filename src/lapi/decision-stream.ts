/** The decisions of a whole response body, as they come, without holding up the process. */

import { TimeSlice } from '../time-slice.js'
import { type DecisionBatch, type DecisionStreamOptions, DecisionStreamParser } from './stream-parser.js'

/** About a hundred decisions: short even before the code is compiled, long enough that a slice costs nothing. */
const SLICE_BYTES = 16 * 1024

/**
 * A body that ends early or is malformed throws `ERR_CSB_LAPI_BODY`; an error of the body itself is thrown on. The next bytes are
 * only asked for when the caller comes back, and the event loop gets its turn after some milliseconds of work, even where the
 * bytes are all in memory.
 */
export async function* readDecisionStream(
  body: AsyncIterable<Uint8Array>,
  options?: DecisionStreamOptions,
): AsyncGenerator<DecisionBatch, void, undefined> {
  const parser = new DecisionStreamParser(options)
  const slice = new TimeSlice()
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      const batch = parser.write(chunk.subarray(at, at + SLICE_BYTES))
      if (batch.new.length > 0 || batch.deleted.length > 0) yield batch
      if (slice.isOver()) await slice.rest()
    }
  }
  parser.end()
}
