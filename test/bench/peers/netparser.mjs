import { Matcher } from 'netparser'

export const name = 'netparser'
export const note = 'tells no prefix apart that it merged'

export function build(decisions) {
  const networks = Array.from({ length: decisions.count }, (_, i) => `${decisions.addressOf(i)}/${decisions.length[i]}`)
  const matcher = new Matcher(networks)
  return (text) => (matcher.has(text) ? 1 : 0)
}
