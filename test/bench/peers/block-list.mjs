import { BlockList } from 'node:net'

export const name = 'net.BlockList'
export const note = 'Node core; one rule after the other'

/** Its memory is C++'s, which V8 does not count. */
export const isNative = true

export function build(decisions) {
  const list = new BlockList()
  for (let i = 0; i < decisions.count; i++) {
    const family = decisions.family[i] === 4 ? 'ipv4' : 'ipv6'
    if (decisions.isSingle(i)) list.addAddress(decisions.addressOf(i), family)
    else list.addSubnet(decisions.addressOf(i), decisions.length[i], family)
  }
  return (text) => (list.check(text, text.includes(':') ? 'ipv6' : 'ipv4') ? 1 : 0)
}
