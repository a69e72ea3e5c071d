/** A text as a message shows it: in quotes, and cut after so many UTF-16 units. */
export function quoted(text: string, longest = 60): string {
  return JSON.stringify(text.length > longest ? `${text.slice(0, longest)}...` : text)
}
