import LongestPrefixMatch from 'longest-prefix-match'

export const name = 'longest-prefix-match'
export const note = ''

export function build(decisions, actions) {
  const table = new LongestPrefixMatch()
  for (let i = 0; i < decisions.count; i++) {
    table.addPrefix(`${decisions.addressOf(i)}/${decisions.length[i]}`, actions[decisions.action[i]])
  }
  return (text) => (table.getMatch(text.includes(':') ? `${text}/128` : `${text}/32`).length === 0 ? 0 : 1)
}
