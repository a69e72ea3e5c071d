/** Many short texts as few pieces, fit to be written one after the other. */

const pieceLength = 64 * 1024

export function* inPieces(texts: Iterable<string>): Generator<string> {
  let piece = ''
  for (const text of texts) {
    piece += text
    if (piece.length < pieceLength) continue
    yield piece
    piece = ''
  }
  yield piece
}
