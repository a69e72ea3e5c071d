/** Texts as a block of a snapshot: their number, then for each its length in bytes, then all bytes (UTF-8, padded). */

export function encodeTexts(texts: readonly string[]): Int32Array {
  const encoded = texts.map((text) => Buffer.from(text))
  const bytes = Buffer.concat(encoded)
  const head = 1 + texts.length
  const block = new Int32Array(head + Math.ceil(bytes.length / 4))
  block[0] = texts.length
  for (const [i, { length }] of encoded.entries()) block[1 + i] = length
  new Uint8Array(block.buffer).set(bytes, head * 4)
  return block
}

export function decodeTexts(block: Int32Array): string[] {
  const count = block[0]
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.byteLength)
  const texts: string[] = []
  let at = (1 + count) * 4
  for (let i = 0; i < count; i++) {
    const end = at + block[1 + i]
    texts.push(bytes.toString('utf8', at, end))
    at = end
  }
  return texts
}
