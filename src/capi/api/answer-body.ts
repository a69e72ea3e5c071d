/** The body of an answer: as one text, bounded, or as it comes. */

/** Null where it is longer than `longest` bytes; the rest is let go of. */
export async function readBody(body: AsyncIterable<Uint8Array>, longest: number): Promise<string | null> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > longest) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, length).toString()
}

/** The same body; `note` gets its first piece. */
export async function* notingHead(
  body: AsyncIterable<Uint8Array>,
  note: (head: string) => void,
): AsyncGenerator<Uint8Array> {
  let isFirst = true
  for await (const chunk of body) {
    if (isFirst) note(Buffer.from(chunk.subarray(0, 4096)).toString())
    isFirst = false
    yield chunk
  }
}
