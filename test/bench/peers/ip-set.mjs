import IPSet from 'ip-set'

export const name = 'ip-set'
export const note = 'IPv4 only'

export function build(decisions) {
  const set = new IPSet()
  for (let i = 0; i < decisions.count; i++) if (decisions.family[i] === 4) set.add(decisions.valueOf(i))
  return (text) => (set.contains(text) ? 1 : 0)
}
