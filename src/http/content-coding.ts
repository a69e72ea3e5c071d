/** The coding of an answer's body (RFC 9110, 8.4): gzip is unpacked as it comes, so that memory holds a piece of it; another is refused. */

import { pipeline, type Readable } from 'node:stream'
import { createGunzip, type Gunzip } from 'node:zlib'
import { quoted } from '../quoted.js'
import { messageOf, systemCodeOf } from '../thrown.js'

/** The body has a coding that nobody asked for, or is not what its coding says. The connection is not to blame. */
export class ContentCodingError extends Error {
  override readonly name = 'ContentCodingError'
}

/** Bytes that are unpacked in one turn of the event loop. */
const PIECE = 64 * 1024

/** The bytes before they were packed. `coding`: the header `Content-Encoding`. Throws `ContentCodingError`, and what `body` throws. */
export async function* unpacked(
  body: Readable,
  coding: string | readonly string[] | undefined,
): AsyncGenerator<Uint8Array> {
  const name = [coding ?? ''].flat().join(', ').trim().toLowerCase()
  if (name === '' || name === 'identity') yield* body
  else if (name === 'gzip' || name === 'x-gzip') yield* gunzipped(body)
  else throw new ContentCodingError(`expected content-encoding gzip or none, got ${quoted(name, 40)}`)
}

async function* gunzipped(body: Readable): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: PIECE })
  // What ends one of the two ends the other; the error comes out of the iteration.
  pipeline(body, gunzip, () => {})
  try {
    yield* gunzip
  } catch (error) {
    if (!isEmpty(gunzip, error)) throw explained(error)
  }
}

/** No bytes at all are no gzip, but an empty answer. */
function isEmpty(gunzip: Gunzip, error: unknown): boolean {
  return systemCodeOf(error) === 'Z_BUF_ERROR' && gunzip.bytesWritten === 0
}

function explained(error: unknown): unknown {
  const code = systemCodeOf(error) ?? ''
  if (!code.startsWith('Z_')) return error
  return new ContentCodingError(`its gzip cannot be unpacked (${code}: ${messageOf(error)})`, { cause: error })
}
