import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { describe, expect, it, test } from 'vitest'
import { ClientAddress, readTrustedProxy, type TrustedProxies } from '../../src/net/client-address.js'
import { forwardedFor, stripPort } from '../../src/net/forwarded-address.js'
import { peerAddress, UNIX_PEER } from '../../src/net/peer-address.js'
import { PrefixSet, readPrefixes } from '../../src/net/prefix-set.js'

const BAD = '203.0.113.7' // who it really is
const SPOOF = '9.9.9.9' // who he says he is

function resolve(trustedProxies: TrustedProxies, header: string, peer: string | undefined, value?: string | string[]) {
  return new ClientAddress({ trustedProxies, header }).resolve(peer, value)
}

type Case = [name: string, trusted: TrustedProxies, peer: string | undefined, value: string | string[], client: string]

describe('X-Forwarded-For', () => {
  const LAN = ['10.0.0.0/8', '::1']
  test.each<Case>([
    ['one proxy', LAN, '10.0.0.1', BAD, BAD],
    ['two proxies', LAN, '10.0.0.1', `${BAD}, 10.0.0.2`, BAD],
    ['a spoofed leftmost entry', LAN, '10.0.0.1', `${SPOOF}, ${BAD}`, BAD],
    ['a spoofed entry before two proxies', LAN, '10.0.0.1', `${SPOOF}, ${BAD}, 10.0.0.2`, BAD],
    ['a spoofed trusted address', LAN, '10.0.0.1', `${SPOOF}, 10.0.0.9, ${BAD}, 10.0.0.2`, BAD],
    ['a peer that is not trusted', LAN, BAD, SPOOF, BAD],
    ['a peer next to the trusted network', LAN, '11.0.0.1', SPOOF, '11.0.0.1'],
    ['all hops trusted: the farthest', LAN, '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['no spaces', LAN, '10.0.0.1', `${SPOOF},${BAD},10.0.0.2`, BAD],
    ['tabs and many spaces', LAN, '10.0.0.1', `${SPOOF} ,\t ${BAD}\t,  10.0.0.2  `, BAD],
    ['empty entries', LAN, '10.0.0.1', `${SPOOF},,${BAD}, ,,10.0.0.2,,`, BAD],
    ['nothing but commas', LAN, '10.0.0.1', ',,, ,', '10.0.0.1'],
    ['an empty value', LAN, '10.0.0.1', '', '10.0.0.1'],
    ['spaces only', LAN, '10.0.0.1', '   ', '10.0.0.1'],
    ['several lines', LAN, '10.0.0.1', [SPOOF, BAD, '10.0.0.2'], BAD],
    ['several lines of lists', LAN, '10.0.0.1', [`${SPOOF}, 10.0.0.7`, `${BAD}, 10.0.0.2`], BAD],
    ['no lines', LAN, '10.0.0.1', [], '10.0.0.1'],
    ['a port', LAN, '10.0.0.1', `${SPOOF}:80, ${BAD}:54321, 10.0.0.2:1`, BAD],
    ['IPv6', LAN, '::1', '2001:db8::7', '2001:db8::7'],
    ['IPv6 in brackets', LAN, '::1', '[2001:db8::7]', '2001:db8::7'],
    ['IPv6 in brackets, with a port', LAN, '::1', `${SPOOF}, [2001:DB8::7]:443`, '2001:DB8::7'],
    ['a mapped peer', LAN, '::ffff:10.0.0.1', `${SPOOF}, ${BAD}`, BAD],
    ['a mapped peer in hexadecimal', LAN, '::ffff:a00:1', BAD, BAD],
    ['a mapped hop', LAN, '10.0.0.1', `${BAD}, ::ffff:10.0.0.2`, BAD],
    ['a mapped client', LAN, '10.0.0.1', `${SPOOF}, ::ffff:${BAD}`, `::ffff:${BAD}`],
    ['a mapped peer that is not trusted', LAN, `::ffff:${BAD}`, SPOOF, `::ffff:${BAD}`],
    ['a peer with a zone', ['fe80::/10'], 'fe80::1%eth0', BAD, BAD],
    ['garbage: what wrote it', LAN, '10.0.0.1', `${SPOOF}, garbage`, '10.0.0.1'],
    ['garbage behind a proxy', LAN, '10.0.0.1', `${SPOOF}, garbage, 10.0.0.2`, '10.0.0.2'],
    ['garbage left of the client', LAN, '10.0.0.1', `<script>, ${BAD}`, BAD],
    ['unknown', LAN, '10.0.0.1', `${SPOOF}, unknown`, '10.0.0.1'],
    ['leading zeros, octal to some', LAN, '10.0.0.1', `${SPOOF}, 0203.0.113.7`, '10.0.0.1'],
    ['an open bracket', LAN, '10.0.0.1', `${SPOOF}, [2001:db8::7`, '10.0.0.1'],
    ['nobody is trusted', [], '10.0.0.1', SPOOF, '10.0.0.1'],
    ['everybody is trusted, IPv4', ['0.0.0.0/0'], BAD, SPOOF, SPOOF],
    ['everybody of IPv6 is trusted, and IPv4 is not', ['::/0'], BAD, SPOOF, BAD],
    ['a range', ['10.0.0.1-10.0.0.6'], '10.0.0.6', BAD, BAD],
    ['just out of a range', ['10.0.0.1-10.0.0.6'], '10.0.0.7', SPOOF, '10.0.0.7'],
    ['loopback, the top', ['loopback'], '127.255.255.254', BAD, BAD],
    ['loopback, IPv6', ['loopback'], '::1', BAD, BAD],
    ['linklocal', ['linklocal'], '169.254.1.1', BAD, BAD],
    ['linklocal, IPv6', ['linklocal'], 'febf::1', BAD, BAD],
    ['uniquelocal', ['uniquelocal'], '172.31.255.255', `${BAD}, 192.168.1.1, fd00::1, 10.1.1.1`, BAD],
    ['just out of uniquelocal', ['uniquelocal'], '172.32.0.0', SPOOF, '172.32.0.0'],
    ['several presets', ['loopback', 'uniquelocal'], '127.0.0.1', `${SPOOF}, ${BAD}, 10.0.0.1`, BAD],
    ['a socket that is gone', ['loopback'], undefined, SPOOF, ''],
    ['a unix socket, loopback trusted', ['loopback'], UNIX_PEER, `${SPOOF}, ${BAD}`, BAD],
    ['a unix socket, loopback not trusted', LAN, UNIX_PEER, SPOOF, UNIX_PEER],
    ['a unix socket that the header names', LAN, '10.0.0.1', `${SPOOF}, ${UNIX_PEER}`, '10.0.0.1'],
    ['no hops', 0, '10.0.0.1', SPOOF, '10.0.0.1'],
    ['one hop', 1, '10.0.0.1', `${SPOOF}, ${BAD}`, BAD],
    ['two hops', 2, '10.0.0.1', `${SPOOF}, ${BAD}, 10.0.0.2`, BAD],
    ['more hops than entries', 5, '10.0.0.1', `${BAD}, 10.0.0.2`, BAD],
    ['two hops and empty entries between', 2, '10.0.0.1', `${SPOOF}, ${BAD}, , ,10.0.0.2,`, BAD],
    ['two hops from a unix socket', 2, UNIX_PEER, `${SPOOF}, ${BAD}, 10.0.0.2`, BAD],
    ['two hops, garbage in the first', 2, '10.0.0.1', `${SPOOF}, ${BAD}, garbage`, '10.0.0.1'],
    ['10 kB of one entry', LAN, '10.0.0.1', `${SPOOF}, ${'x'.repeat(10_000)}`, '10.0.0.1'],
    ['10 kB of commas', LAN, '10.0.0.1', `${BAD}${','.repeat(10_000)}`, BAD],
    ['10 kB of colons', LAN, '10.0.0.1', ':'.repeat(10_000), '10.0.0.1'],
    ['10,000 hops that he made up', LAN, '10.0.0.1', `${`${SPOOF}, 10.0.0.5, `.repeat(5000)}${BAD}`, BAD],
    ['10,000 trusted hops', LAN, '10.0.0.1', `${SPOOF}, ${'10.0.0.5, '.repeat(10_000)}10.0.0.2`, '10.0.0.5'],
  ])('%s', (_name, trusted, peer, value, client) => {
    expect(resolve(trusted, 'x-forwarded-for', peer, value)).toBe(client)
  })

  it('is not looked at where it is missing', () => {
    expect(resolve(['loopback'], 'x-forwarded-for', '127.0.0.1')).toBe('127.0.0.1')
    expect(resolve(['loopback'], 'x-forwarded-for', undefined)).toBe('')
    expect(resolve(3, 'x-forwarded-for', UNIX_PEER)).toBe(UNIX_PEER)
  })
})

describe('Forwarded', () => {
  const LAN = ['10.0.0.0/8']
  test.each<Case>([
    ['one proxy', LAN, '10.0.0.1', `for=${BAD}`, BAD],
    ['other pairs beside it', LAN, '10.0.0.1', `proto=https;for=${BAD};by=10.0.0.1;host=example.com`, BAD],
    ['spaces', LAN, '10.0.0.1', ` for=${SPOOF} ,  proto=https ; For = ${BAD} `, BAD],
    ['upper case', LAN, '10.0.0.1', `FOR=${BAD};PROTO=http`, BAD],
    ['quoted', LAN, '10.0.0.1', `for="${BAD}"`, BAD],
    ['quoted, with a port', LAN, '10.0.0.1', `for="${SPOOF}:1", for="${BAD}:4711"`, BAD],
    ['not quoted, with a port', LAN, '10.0.0.1', `for=${BAD}:4711`, BAD],
    ['an obfuscated port', LAN, '10.0.0.1', `for="${BAD}:_port"`, BAD],
    ['IPv6', LAN, '10.0.0.1', 'for="[2001:db8:cafe::17]"', '2001:db8:cafe::17'],
    ['IPv6, with a port', LAN, '10.0.0.1', 'for="[2001:db8:cafe::17]:4711"', '2001:db8:cafe::17'],
    ['IPv6 without quotes', LAN, '10.0.0.1', 'for=[2001:db8::17]:4711', '2001:db8::17'],
    ['IPv6 without quotes or brackets', LAN, '10.0.0.1', 'for=2001:db8::17', '2001:db8::17'],
    ['an escaped character', LAN, '10.0.0.1', `for="203.0.113.\\7"`, BAD],
    ['two proxies', LAN, '10.0.0.1', `for=${SPOOF}, for=${BAD}, for=10.0.0.2;proto=https`, BAD],
    ['several lines', LAN, '10.0.0.1', [`for=${SPOOF}`, `for=${BAD}`, 'for="10.0.0.2:80"'], BAD],
    ['unknown', LAN, '10.0.0.1', `for=${SPOOF}, for=unknown`, '10.0.0.1'],
    ['an obfuscated name', LAN, '10.0.0.1', `for=${SPOOF}, for=_hidden, for=10.0.0.2`, '10.0.0.2'],
    ['no for', LAN, '10.0.0.1', `for=${SPOOF}, proto=https`, '10.0.0.1'],
    ['an empty for', LAN, '10.0.0.1', `for=${SPOOF}, for=`, '10.0.0.1'],
    ['an empty quoted for', LAN, '10.0.0.1', `for=${SPOOF}, for=""`, '10.0.0.1'],
    ['two for in one element', LAN, '10.0.0.1', `for=${SPOOF};for=${BAD}`, '10.0.0.1'],
    ['a name that ends with for', LAN, '10.0.0.1', `for=${SPOOF}, xfor=${BAD}`, '10.0.0.1'],
    ['empty elements and pairs', LAN, '10.0.0.1', `for=${SPOOF}, ,;for=${BAD};;,, `, BAD],
    ['garbage', LAN, '10.0.0.1', `for=${SPOOF}, !!"x;=`, '10.0.0.1'],
    ['garbage after the address', LAN, '10.0.0.1', `for=${SPOOF}, for=${BAD} garbage`, '10.0.0.1'],
    ['a peer that is not trusted', LAN, BAD, `for=${SPOOF}`, BAD],
    ['the other header’s form', LAN, '10.0.0.1', `${SPOOF}, ${BAD}`, '10.0.0.1'],
    ['a quote that he left open', LAN, '10.0.0.1', `for="${SPOOF}, for=${BAD}`, BAD],
    ['a quote that he left open before quotes', LAN, '10.0.0.1', `for="${SPOOF};x=, for="${BAD}:1", for=10.0.0.2`, BAD],
    ['a backslash that he left', LAN, '10.0.0.1', `for=${SPOOF};x="\\, for="${BAD}"`, BAD],
    ['a comma in quotes', LAN, '10.0.0.1', `for=${BAD};host="a, for=${SPOOF};b"`, BAD],
    ['a semicolon in quotes', LAN, '10.0.0.1', `host="a;for=${SPOOF};b";for=${BAD}`, BAD],
    ['an escaped quote in quotes', LAN, '10.0.0.1', `for=${BAD};host="a\\", for=${SPOOF};b=\\""`, BAD],
    ['an escaped backslash before a quote', LAN, '10.0.0.1', `for=${SPOOF};host="a\\\\", for=${BAD}`, BAD],
    ['10 kB of quotes', LAN, '10.0.0.1', '"'.repeat(10_001), '10.0.0.1'],
    ['10 kB of backslashes', LAN, '10.0.0.1', `for="${'\\'.repeat(10_000)}"`, '10.0.0.1'],
    ['10 kB of semicolons', LAN, '10.0.0.1', `for=${BAD}${';'.repeat(10_000)}`, BAD],
    ['10,000 hops that he made up', LAN, '10.0.0.1', `${`for="${SPOOF}",`.repeat(10_000)}for=${BAD}`, BAD],
  ])('%s', (_name, trusted, peer, value, client) => {
    expect(resolve(trusted, 'forwarded', peer, value)).toBe(client)
  })
})

describe('a header with one address', () => {
  test.each<Case>([
    ['of a trusted peer', ['10.0.0.1'], '10.0.0.1', BAD, BAD],
    ['of a peer that is not trusted', ['10.0.0.1'], BAD, SPOOF, BAD],
    ['of the last of so many hops', 1, '10.0.0.1', BAD, BAD],
    ['with spaces', ['10.0.0.1'], '10.0.0.1', `  ${BAD} `, BAD],
    ['IPv6', ['10.0.0.1'], '10.0.0.1', '2001:db8::7', '2001:db8::7'],
    ['with a port', ['10.0.0.1'], '10.0.0.1', '[2001:db8::7]:80', '2001:db8::7'],
    ['garbage', ['10.0.0.1'], '10.0.0.1', 'garbage', '10.0.0.1'],
    ['empty', ['10.0.0.1'], '10.0.0.1', '', '10.0.0.1'],
    ['a line of his own before the proxy’s', ['10.0.0.1'], '10.0.0.1', [SPOOF, BAD], BAD],
    ['the same, joined', ['10.0.0.1'], '10.0.0.1', `${SPOOF}, ${BAD}`, BAD],
    ['from a unix socket', ['loopback'], UNIX_PEER, BAD, BAD],
    ['from a socket that is gone', ['loopback'], undefined, SPOOF, ''],
  ])('%s', (_name, trusted, peer, value, client) => {
    expect(resolve(trusted, 'cf-connecting-ip', peer, value)).toBe(client)
  })
})

test.each([
  ['1.2.3.4', '1.2.3.4'],
  ['1.2.3.4:80', '1.2.3.4'],
  ['1.2.3.4:', '1.2.3.4:'],
  ['1.2.3.4:8:0', '1.2.3.4:8:0'],
  ['[::1]', '::1'],
  ['[::1]:80', '::1'],
  ['[::1]80', '[::1]80'],
  ['[::1', '[::1'],
  ['::1', '::1'],
  ['::ffff:1.2.3.4', '::ffff:1.2.3.4'],
  ['2001:db8::1', '2001:db8::1'],
  ['', ''],
])('stripPort(%s) is %s', (entry, address) => {
  expect(stripPort(entry)).toBe(address)
})

test.each(['loopback', 'linklocal', 'uniquelocal'])('readTrustedProxy knows %s', (name) => {
  expect(readTrustedProxy(name)).not.toHaveLength(0)
})

test.each(['constructor', '__proto__', 'Loopback', '', 'example.com', '10.0.0.0/33', '10.0.0.9-10.0.0.1'])(
  'readTrustedProxy(%o) is null',
  (text) => {
    expect(readTrustedProxy(text)).toBeNull()
  },
)

// The slow twin: all hops as a list with the peer last, trust by ipaddr.js.

interface Hop {
  readonly address: string
  readonly text: string
}

/** By itself, ipaddr.js takes `10.0.0` and octal too. */
function isAddressText(text: string): boolean {
  return text.includes(':') ? ipaddr.IPv6.isValid(text) : ipaddr.IPv4.isValidFourPartDecimal(text)
}

function isTrusted(address: string, networks: readonly string[]): boolean {
  if (address === UNIX_PEER) return isTrusted('127.0.0.1', networks)
  if (!isAddressText(address)) return false
  const one = ipaddr.process(address)
  return networks.some((network) => {
    const [base, length] = network.includes('/') ? ipaddr.parseCIDR(network) : [ipaddr.parse(network), undefined]
    return base.kind() === one.kind() && one.match(base, length ?? (base.kind() === 'ipv4' ? 32 : 128))
  })
}

/** The first, from the right, that is not believed, or before which stands no address. */
function oracle(trusted: readonly string[] | number, peer: string, hops: readonly Hop[]): string {
  const path = [...hops.map(({ address }) => address), peer]
  for (let steps = 0; ; steps++) {
    const address = path.pop() ?? ''
    const believed = typeof trusted === 'number' ? steps < trusted : isTrusted(address, trusted)
    if (!believed || !isAddressText(path.at(-1) ?? '')) return address
  }
}

const octet = fc.constantFrom(0, 1, 7, 127, 128, 255)
const ipv4 = fc.tuple(fc.constantFrom(10, 10, 127, 192, 203), octet, octet, octet).map((octets) => octets.join('.'))
const ipv6 = fc
  .tuple(fc.constantFrom('2001:db8', 'fd00', 'fe80'), fc.nat({ max: 3 }), fc.nat({ max: 0xffff }))
  .map(([head, middle, tail]) => `${head}:${middle}::${tail.toString(16)}`)
const address = fc.oneof(
  ipv4,
  ipv6,
  ipv4.map((text) => `::ffff:${text}`),
)
const network = fc.oneof(
  fc.tuple(ipv4, fc.integer({ min: 0, max: 32 })).map(([text, length]) => `${text}/${length}`),
  fc.tuple(ipv6, fc.integer({ min: 0, max: 128 })).map(([text, length]) => `${text}/${length}`),
  address.map((text) => text.replace('::ffff:', '')),
)
const trust = fc.oneof(fc.array(network, { maxLength: 4 }), fc.nat({ max: 6 }))
const peer = fc.oneof({ weight: 9, arbitrary: address }, { weight: 1, arbitrary: fc.constant(UNIX_PEER) })
const garbage = fc.constantFrom('unknown', '_hidden', '10.0.0', '1.2.3.4.5', '-', '10.0.0.1/8', '[', UNIX_PEER)
const space = fc.constantFrom('', ' ', '\t', '  ')

const listHop: fc.Arbitrary<Hop> = fc
  .tuple(fc.oneof({ weight: 9, arbitrary: address }, { weight: 1, arbitrary: garbage }), fc.constantFrom('', ':80'))
  .map(([text, port]) => ({ address: text, text: withPort(text, port) }))

function withPort(text: string, port: string): string {
  if (port === '' || !isAddressText(text)) return text
  return text.includes(':') ? `[${text}]${port}` : `${text}${port}`
}

const quotedText = fc.constantFrom('x', 'a, for=9.9.9.9', 'a;for=9.9.9.9;b', 'a"b', '\\', '\\"', '", for=9.9.9.9, x="')
const otherPair = fc.oneof(
  fc.constantFrom('proto=https', 'by=_me', 'secret=1', ''),
  quotedText.map((text) => `host="${text.replace(/["\\]/g, '\\$&')}"`),
)
const forwardedHop: fc.Arbitrary<Hop> = fc
  .tuple(listHop, fc.constantFrom('for', 'For'), fc.boolean(), fc.array(otherPair, { maxLength: 3 }), fc.nat())
  .map(([hop, name, isQuoted, pairs, at]) => {
    const pair = isQuoted ? `${name}="${hop.text}"` : `${name}=${hop.text}`
    return { address: hop.address, text: pairs.toSpliced(at % (pairs.length + 1), 0, pair).join(';') }
  })

describe.each([
  ['x-forwarded-for', listHop],
  ['forwarded', forwardedHop],
] as const)('%s', (header, hop) => {
  const hops = fc.array(fc.tuple(hop, space, space), { maxLength: 8 })
  const join = (list: readonly (readonly [Hop, string, string])[]) =>
    list.map(([{ text }, before, after]) => `${before}${text}${after}`)

  it('is walked as the naive oracle walks it', () => {
    fc.assert(
      fc.property(trust, peer, hops, fc.boolean(), (trusted, from, list, isLines) => {
        const value = isLines ? join(list) : join(list).join(',')
        const plain = list.map(([one]) => one)
        expect(resolve(trusted, header, from, value)).toBe(oracle(trusted, from, plain))
      }),
      { numRuns: 3000 },
    )
  })

  it('whatever a visitor writes, the first that is not trusted from the right wins', () => {
    const anything = fc.oneof(
      fc.string({ unit: fc.constantFrom('"', '\\', ',', ';', '=', 'for', SPOOF, '10.0.0.1', ' ', '[', ']') }),
      fc.string(),
    )
    const proxied = header === 'forwarded' ? `for="${BAD}:1";proto=http, for=10.0.0.2` : `${BAD}, 10.0.0.2`
    fc.assert(
      fc.property(anything, (his) => {
        expect(resolve(['10.0.0.0/8'], header, '10.0.0.1', `${his}, ${proxied}`)).toBe(BAD)
        expect(resolve(2, header, '10.0.0.1', [his, proxied])).toBe(BAD)
        expect(resolve(['10.0.0.0/8'], header, BAD, his)).toBe(BAD)
      }),
      { numRuns: 3000 },
    )
  })
})

it('forwardedFor takes any text without throwing, in time that grows with its length alone', () => {
  fc.assert(fc.property(fc.string(), (text) => void forwardedFor(text)))
  const worst = [
    'for="'.repeat(20_000),
    'a='.repeat(50_000),
    ' '.repeat(100_000),
    '\\"'.repeat(50_000),
    '"a;'.repeat(30_000),
  ]
  const began = performance.now()
  for (const text of worst) resolve(['10.0.0.0/8'], 'forwarded', '10.0.0.1', text)
  expect(performance.now() - began).toBeLessThan(500)
})

it('a PrefixSet holds what one of its prefixes covers', () => {
  fc.assert(
    fc.property(fc.array(network, { maxLength: 5 }), address, (networks, one) => {
      const set = new PrefixSet(networks.flatMap((text) => readPrefixes(text) ?? []))
      expect(set.has(one)).toBe(isTrusted(one, networks))
    }),
    { numRuns: 3000 },
  )
  expect(new PrefixSet(readPrefixes('0.0.0.0/0') ?? []).has('garbage')).toBe(false)
})

describe('the peer of a connection', () => {
  it('has an address, also after it has gone, if it was asked for before', async () => {
    const server = createTcpServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const [socket] = (await once(server, 'connection')) as [Socket]
    expect(peerAddress(socket)).toBe('127.0.0.1')
    socket.resume()
    client.destroy()
    await once(socket, 'close')
    expect(peerAddress(socket)).toBe('127.0.0.1')
    server.close()
  })

  it('is nobody where it has reset the connection, though its request is still read', async () => {
    const seen: (string | undefined)[] = []
    const server = createTcpServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const [socket] = (await once(server, 'connection')) as [Socket]
    client.resetAndDestroy()
    await once(client, 'close')
    // The reset is there but not yet read: nothing tells the socket of it, and its remote address can no longer be had.
    expect(socket.destroyed).toBe(false)
    seen.push(peerAddress(socket))
    const closed = new Promise((resolve) => socket.on('error', () => {}).on('close', resolve))
    socket.resume()
    await closed
    seen.push(peerAddress(socket), peerAddress(undefined))
    expect(seen).toEqual([undefined, undefined, undefined])
    server.close()
  })

  it('is this machine on a unix socket, and what it forwards is believed where loopback is', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'csb-peer-'))
    const resolver = new ClientAddress({ trustedProxies: ['loopback'], header: 'x-forwarded-for' })
    const server = createServer((req, res) => {
      const peer = peerAddress(req.socket)
      res.end(`${peer} ${resolver.resolve(peer, req.headers['x-forwarded-for'])}`)
    }).listen(join(directory, 'app.sock'))
    await once(server, 'listening')
    const sent = request({
      socketPath: join(directory, 'app.sock'),
      headers: { 'x-forwarded-for': `${SPOOF}, ${BAD}` },
    })
    sent.end()
    const [answer] = await once(sent, 'response')
    expect(String(await answer.toArray())).toBe(`${UNIX_PEER} ${BAD}`)
    server.close()
    await rm(directory, { recursive: true })
  })
})
