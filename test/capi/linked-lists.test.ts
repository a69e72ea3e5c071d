/** Downloads of linked lists, from a real server on loopback. */

import { getEventListeners, once } from 'node:events'
import { type AddressInfo, createServer, type LookupFunction } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, it, onTestFinished } from 'vitest'
import { LinkedLists, type LinkedListsOptions } from '../../src/capi/decisions/linked-lists.js'
import { ListText } from '../../src/capi/decisions/list-text.js'
import { publicLookup } from '../../src/capi/decisions/public-lookup.js'
import { isSpecialPurpose } from '../../src/net/special-purpose.js'
import { cutInHalf, ListServer, redirectTo, SIGNATURE } from './list-server.js'

const never = new AbortController().signal

function downloads(over: Partial<LinkedListsOptions> = {}) {
  const lists = new LinkedLists({ userAgent: 'test/v1', allowPrivateLinks: true, allowHttp: true, ...over })
  return async (url: string, since: number | null = null, signal = never) => {
    const text = await lists.download({ name: 'botnets', url, since, signal })
    return text === null ? null : [...text.lines()].map(([number, line]) => `${number} ${line}`)
  }
}

describe('a list that comes', () => {
  it.each([
    ['lines', '192.0.2.1\n192.0.2.2\n', ['1 192.0.2.1', '2 192.0.2.2']],
    ['no line feed at the end', '192.0.2.1\n192.0.2.2', ['1 192.0.2.1', '2 192.0.2.2']],
    ['CRLF, blanks and spaces', '\r\n192.0.2.1\r\n \r\n\t192.0.2.2 \r\n', ['2 192.0.2.1', '4 192.0.2.2']],
    ['comments', '# who\n192.0.2.1\n  # else\n', ['2 192.0.2.1']],
    ['a byte order mark', '\uFEFF192.0.2.1\n', ['1 192.0.2.1']],
    ['letters of several bytes', 'böb ✓\n', ['1 böb ✓']],
    ['nothing', '', []],
  ])('with %s', async (_name, body, expected) => {
    const server = await ListServer.start()
    server.on('/list', body)
    expect(await downloads()(server.url('/list'))).toEqual(expected)
  })

  it('that is long comes as it is', async () => {
    const server = await ListServer.start()
    const lines = Array.from({ length: 30_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)
    server.on('/list', lines.join('\n'))
    expect(await downloads()(server.url('/list'))).toEqual(lines.map((line, i) => `${i + 1} ${line}`))
  })

  it('in gzip is unpacked, whoever packed it', async () => {
    const server = await ListServer.start()
    server.on('/list', packed('192.0.2.1\n192.0.2.2\n'))
    expect(await downloads()(server.url('/list'))).toEqual(['1 192.0.2.1', '2 192.0.2.2'])
  })

  it('that ends within a letter does not end before it', () => {
    const text = new ListText([Buffer.from('192.0.2.1\u2713').subarray(0, -1)])
    expect([...text.values()]).toEqual(['192.0.2.1\ufffd'])
  })

  it('in pieces of a byte is read like one in whole', async () => {
    const bytes = Buffer.from('192.0.2.1\r\nböb ✓\n\n2001:db8::1')
    const pieces = new ListText([...bytes].map((byte) => Uint8Array.of(byte)))
    expect([...pieces.lines()]).toEqual([...new ListText([bytes]).lines()])
  })

  it('keeps a line without end from filling the memory', () => {
    const block = new Uint8Array(65_536).fill(49)
    const [[, line]] = [...new ListText(Array.from({ length: 64 }, () => block)).lines()]
    expect(line.length).toBeLessThan(100_000)
  })
})

describe('a request', () => {
  it('carries no Authorization, keeps the signed query, and says whose copy is held', async () => {
    const server = await ListServer.start()
    server.on('/a/b', (request, response) =>
      response.writeHead(request.headers['if-modified-since'] === undefined ? 200 : 304).end(),
    )
    const download = downloads()
    expect(await download(server.url('/a/b'))).toEqual([])
    expect(await download(server.url('/a/b'), Date.UTC(2026, 0, 2, 3, 4, 5, 678))).toBeNull()
    const [first, second] = server.requests
    expect(first.url).toBe(`/a/b?X-Amz-Signature=${SIGNATURE}`)
    expect(first.headers).toMatchObject({ 'user-agent': 'test/v1', 'accept-encoding': 'gzip' })
    expect(first.headers).not.toHaveProperty('authorization')
    expect(first.headers).not.toHaveProperty('if-modified-since')
    expect(second.headers['if-modified-since']).toBe('Fri, 02 Jan 2026 03:04:04 GMT')
  })

  it.each(['/list', '/304', '/nowhere', '/elsewhere'])(
    'for %s leaves no connection behind, and no deadline',
    async (path) => {
      const server = await ListServer.start()
      server.on('/list', '192.0.2.1')
      server.on('/304', (_, response) => response.writeHead(304).end())
      server.on('/elsewhere', redirectTo('/list'))
      const { signal } = new AbortController()
      await downloads()(server.url(path), 0, signal).catch(() => null)
      expect(getEventListeners(signal, 'abort')).toEqual([])
      await expect.poll(() => server.connections()).toBe(0)
    },
  )

  it('goes to the host of the link, whatever the path looks like', async () => {
    const server = await ListServer.start()
    server.on('//192.0.2.1/x', 'yes')
    expect(await downloads()(server.url('//192.0.2.1/x'))).toEqual(['1 yes'])
  })
})

describe('what is no list', () => {
  it.each([
    ['404', '/nowhere', /^The list "botnets" cannot be had: http:\/\/127.0.0.1:\d+\/nowhere answered with status 404$/],
    ['304 that nobody asked for', '/304', /status 304$/],
    ['503', '/503', /status 503$/],
    ['one cut in half', '/half', /broke before the answer was complete/],
    ['one cut in half that is chunked', '/chunked', /broke before the answer was complete/],
    ['a redirect to nowhere', '/lost', /status 302$/],
    ['a redirect in a circle', '/circle', /more than 3 redirects$/],
    ['a redirect to another protocol', '/ftp', /the link is ftp: and not https/],
    [
      'one in another coding',
      '/br',
      /^The list "botnets" cannot be had: expected content-encoding gzip or none, got "br"$/,
    ],
    ['half of one in gzip', '/half-packed', /cannot be had: its gzip cannot be unpacked \(Z_BUF_ERROR/],
    ['too many bytes, once unpacked', '/bomb', /larger than 67108864 bytes or 5000000 lines$/],
    ['too many bytes', '/endless', /larger than 67108864 bytes or 5000000 lines$/],
    ['too many lines', '/lines', /larger than 67108864 bytes or 5000000 lines$/],
  ])('%s', async (_name, path, message) => {
    const server = await ListServer.start()
    server.on('/304', (_, response) => response.writeHead(304).end())
    server.on('/503', (_, response) => response.writeHead(503, { 'retry-after': '60' }).end('busy'))
    server.on('/half', cutInHalf('192.0.2.1\n'.repeat(1000)))
    server.on('/chunked', (_, response) => void response.write('192.0.2.1\n192.0', () => response.destroy()))
    server.on('/lost', (_, response) => response.writeHead(302).end())
    server.on('/circle', redirectTo(server.url('/circle')))
    server.on('/ftp', redirectTo('ftp://192.0.2.1/list'))
    server.on('/br', (_, response) => void response.writeHead(200, { 'content-encoding': 'br' }).end('x'))
    server.on('/half-packed', packed('192.0.2.1\n'.repeat(1000), 0.5))
    server.on('/bomb', packed(Buffer.alloc((64 << 20) + 1, '1')))
    server.on('/endless', pouring(Buffer.alloc(1 << 20, '1')))
    server.on('/lines', pouring(Buffer.alloc(1 << 20, '\n')))
    const failure = downloads()(server.url(path))
    const status = /status (\d+)/.exec(String(message))?.[1] ?? null
    await expect(failure).rejects.toMatchObject({
      code: 'ERR_CSB_CAPI_LINK',
      message: expect.stringMatching(message),
      status: status === null ? null : Number(status),
    })
    await expect(failure).rejects.not.toThrow(SIGNATURE)
  })

  it('a server that is gone or silent, or a caller who has had enough', async () => {
    const silent = createServer()
    onTestFinished(() => void silent.close())
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    await expect(downloads({ deadline: 50 })(`http://127.0.0.1:${port}/x?${SIGNATURE}`)).rejects.toThrow(
      /did not answer in full within 50 ms$/,
    )
    const abort = new AbortController()
    const given = downloads()(`http://127.0.0.1:${port}/x`, null, abort.signal)
    abort.abort(new Error('enough'))
    await expect(given).rejects.toThrow(/^enough$/)
    silent.close()
    await expect(downloads()(`http://127.0.0.1:1/x?${SIGNATURE}`)).rejects.toThrow(/Nothing answers at/)
  })
})

/** A body in gzip, or that share of it. */
function packed(text: string | Buffer, share = 1) {
  const bytes = gzipSync(text)
  return (_: unknown, response: import('node:http').ServerResponse) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(bytes.subarray(0, share * bytes.length))
  }
}

/** A body without end. */
function pouring(chunk: Buffer) {
  return (_: unknown, response: import('node:http').ServerResponse) => {
    const pour = () => {
      while (!response.destroyed && response.write(chunk));
    }
    response.on('drain', pour)
    pour()
  }
}

describe('redirects', () => {
  it.each([301, 302, 303, 307, 308])('with %i are followed', async (status) => {
    const server = await ListServer.start()
    server.on('/1', redirectTo('/2', status))
    server.on('/2', '192.0.2.1')
    expect(await downloads()(server.url('/1'))).toEqual(['1 192.0.2.1'])
  })

  it('are followed three times, and keep the condition', async () => {
    const server = await ListServer.start()
    server.on('/1', redirectTo('/2', 301))
    server.on('/2', redirectTo(server.url('/3'), 307))
    server.on('/3', redirectTo('4', 308))
    server.on('/4', '192.0.2.1')
    expect(await downloads()(server.url('/1'), 0)).toEqual(['1 192.0.2.1'])
    expect(server.requests.map(({ headers }) => headers['if-modified-since'])).toEqual(
      Array(4).fill('Wed, 31 Dec 1969 23:59:59 GMT'),
    )
  })
})

describe('a link into a private network', () => {
  const closed = downloads({ allowPrivateLinks: false })

  it.each([
    'http://127.0.0.1/x',
    'http://2130706433/x',
    'http://0x7f.1/x',
    'http://10.1.2.3/x',
    'http://169.254.169.254/latest/meta-data',
    'http://100.64.0.1/x',
    'http://[::1]/x',
    'http://[::ffff:127.0.0.1]/x',
    'http://[fd00::1]/x',
    'http://[fe80::1]/x',
    'http://[64:ff9b::10.0.0.1]/x',
    'https://192.168.0.1/x',
    'http://0.0.0.0/x',
  ])('%s is refused', async (url) => {
    await expect(closed(`${url}?${SIGNATURE}`)).rejects.toMatchObject({
      code: 'ERR_CSB_CAPI_LINK',
      message: expect.stringMatching(
        /^The list "botnets" cannot be had: \S+ is an address of a private network, .*\(capi_allow_private_links\)$/,
      ),
    })
  })

  it('is refused by name too, before anything is sent', async () => {
    const server = await ListServer.start()
    server.on('/list', '192.0.2.1')
    await expect(closed(server.url('/list', 'localhost'))).rejects.toThrow(
      /localhost is an address of a private network/,
    )
    expect(server.requests).toEqual([])
    expect(await downloads()(server.url('/list', 'localhost'))).toEqual(['1 192.0.2.1'])
  })

  it('is refused where a name has one such address among others, and what was looked up is what is connected to', async () => {
    const server = await ListServer.start()
    server.on('/list', '192.0.2.1')
    const asked: string[] = []
    const lookup: LookupFunction = (hostname, options, callback) => {
      asked.push(hostname)
      const addresses = ['1.1.1.1', '127.0.0.1'].map((address) => ({ address, family: 4 }))
      if (options.all === true) callback(null, addresses)
      else callback(null, '127.0.0.1', 4)
    }
    const url = server.url('/list', 'lists.example')
    await expect(downloads({ allowPrivateLinks: false, lookup })(url)).rejects.toThrow(/lists.example is an address of/)
    expect(asked).toEqual(['lists.example']) // and not again
    expect(server.requests).toEqual([])
  })

  it.each([
    ['an address', 'http://127.0.0.2/x', '127.0.0.2'],
    ['IPv6', 'http://[::1]/x', '::1'],
    ['a name', 'http://localhost/x', 'localhost'],
    ['a name with a port', 'https://localhost:8443/x', 'localhost'],
  ])('is refused as what a redirect points to: %s', async (_name, location, host) => {
    const server = await ListServer.start()
    server.on('/list', redirectTo(location))
    // For this test the server is on the internet, and the name is not.
    const isPrivate = (address: string) => address !== '127.0.0.1'
    const lookup: LookupFunction = (_, options, callback) =>
      options.all === true ? callback(null, [{ address: '10.0.0.1', family: 4 }]) : callback(null, '10.0.0.1', 4)
    await expect(downloads({ allowPrivateLinks: false, isPrivate, lookup })(server.url('/list'))).rejects.toThrow(
      `The list "botnets" cannot be had: ${host} is an address of a private network`,
    )
    expect(server.requests).toHaveLength(1)
  })
})

describe('what looks up names', () => {
  const answering = (...addresses: string[]): LookupFunction =>
    publicLookup(isSpecialPurpose, (_, options, callback) => {
      if (options.all === true)
        callback(
          null,
          addresses.map((address) => ({ address, family: 4 })),
        )
      else callback(null, addresses[0] ?? '', 4)
    })
  const outcome = (lookup: LookupFunction, all: boolean) =>
    new Promise((resolve) => {
      lookup('lists.example', { all }, (error, address) => resolve(error?.message ?? address))
    })

  it.each([true, false])('passes on what is on the internet (all: %s)', async (all) => {
    expect(await outcome(answering('1.1.1.1'), all)).toEqual(all ? [{ address: '1.1.1.1', family: 4 }] : '1.1.1.1')
    expect(await outcome(answering('127.0.0.1'), all)).toMatch(/^lists.example is an address of a private network/)
  })

  it('passes on the failure of a lookup', async () => {
    const failing = publicLookup(isSpecialPurpose, (_, _options, callback) => callback(new Error('ENOTFOUND'), []))
    expect(await outcome(failing, true)).toBe('ENOTFOUND')
  })
})

describe('a link that is not https', () => {
  it.each([
    ['http://192.0.2.1/x', 'the link is http: and not https (http is taken where capi_url is http)'],
    ['file:///etc/passwd', 'the link is file: and not https'],
    ['data:text/plain,192.0.2.1', 'the link is data: and not https'],
    ['//192.0.2.1/x', 'the link is not a URL'],
    ['', 'the link is not a URL'],
  ])('%s is refused', async (url, message) => {
    await expect(downloads({ allowHttp: false })(url)).rejects.toThrow(message)
  })
})
