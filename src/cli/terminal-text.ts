/** Text from elsewhere on a terminal: one line, without control characters that the terminal would obey. */

export function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, ' ').replace(/\p{Cc}/gu, '?')
}
