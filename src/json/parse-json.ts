/** What a text says in JSON; undefined where it is none. The error would be of no use: it quotes the text, which may be a token. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
