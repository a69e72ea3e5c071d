import ipaddr from 'ipaddr.js'

export const name = 'ipaddr.js'
export const note = 'parsed ranges, one after the other'

export function build(decisions) {
  const ranges = { ipv4: [], ipv6: [] }
  for (let i = 0; i < decisions.count; i++) {
    ranges[decisions.family[i] === 4 ? 'ipv4' : 'ipv6'].push([
      ipaddr.parse(decisions.addressOf(i)),
      decisions.length[i],
    ])
  }
  return (text) => {
    const address = ipaddr.process(text)
    const candidates = ranges[address.kind()]
    for (let i = 0; i < candidates.length; i++) if (address.match(candidates[i])) return 1
    return 0
  }
}
