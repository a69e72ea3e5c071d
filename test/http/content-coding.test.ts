/** Answers in gzip: who asks for them, what becomes of them, and what they may cost. */

import { once } from 'node:events'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { constants, createGzip, gzipSync } from 'node:zlib'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ContentCodingError } from '../../src/http/content-coding.js'
import { HttpClient } from '../../src/http/http-client.js'

const never = new AbortController().signal

async function clientOf(listener: RequestListener, { gzip = true } = {}) {
  const server = createServer(listener)
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = new HttpClient({ baseUrl, headers: { 'x-api-key': 'k' }, gzip })
  onTestFinished(() => client.close())
  return {
    get: (deadline = 5000) => client.get({ path: 'x', deadline, signal: never }),
    post: () => client.post({ path: 'x', body: '{}', deadline: 5000, signal: never }),
  }
}

const say =
  (body: string | Buffer, coding?: string | string[]): RequestListener =>
  (_, response) => {
    if (coding !== undefined) response.setHeader('content-encoding', coding)
    response.end(body)
  }

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

const TEXT = '192.0.2.1\n'.repeat(50_000)
const packed = gzipSync(TEXT)
/** More than a connection takes in on its own. */
const LONG = Buffer.alloc(8 << 20)

describe('what is asked for', () => {
  it.each([
    [true, 'gzip'],
    [false, undefined],
  ])('with gzip %s: %s', async (gzip, expected) => {
    const seen: (string | undefined)[] = []
    const { get, post } = await clientOf(
      ({ headers }, response) => {
        seen.push(headers['accept-encoding'])
        response.end()
      },
      { gzip },
    )
    for (const response of [await get(), await post()]) await textOf(response.body)
    expect(seen).toEqual([expected, expected])
  })
})

describe('an answer', () => {
  it.each<[string, string | Buffer, string | string[] | undefined, string]>([
    ['in gzip', packed, 'gzip', TEXT],
    ['in gzip, under an old name', packed, 'X-GZip', TEXT],
    ['in gzip of several pieces', Buffer.concat([gzipSync('one '), gzipSync('two')]), 'gzip', 'one two'],
    ['without any coding', TEXT, undefined, TEXT],
    ['as it is', TEXT, 'identity', TEXT],
    ['as it is, with an empty name', TEXT, '', TEXT],
    ['of nothing, in gzip', gzipSync(''), 'gzip', ''],
    ['of no bytes, though it says gzip', '', 'gzip', ''],
  ])('%s', async (_name, body, coding, text) => {
    const { get } = await clientOf(say(body, coding))
    expect(await textOf((await get()).body)).toBe(text)
    const { body: again } = await get()
    expect(await textOf(again)).toBe(text)
  })

  it('that nobody wanted in gzip comes as it is', async () => {
    const { get } = await clientOf(say(packed, 'gzip'), { gzip: false })
    const chunks: Uint8Array[] = []
    for await (const chunk of (await get()).body) chunks.push(chunk)
    expect(Buffer.concat(chunks).equals(packed)).toBe(true)
  })

  it.each<[string, string | Buffer, string | string[], string]>([
    ['br', LONG, 'br', 'expected content-encoding gzip or none, got "br"'],
    ['gzip twice', gzipSync(packed), 'gzip, gzip', 'expected content-encoding gzip or none, got "gzip, gzip"'],
    ['two headers', packed, ['gzip', 'br'], 'got "gzip, br"'],
    ['a long name', LONG, 'x'.repeat(5000), `got "${'x'.repeat(40)}`],
    [
      'what is no gzip',
      '{"message":"OK"}',
      'gzip',
      'its gzip cannot be unpacked (Z_DATA_ERROR: incorrect header check)',
    ],
    ['half of it', packed.subarray(0, packed.length / 2), 'gzip', '(Z_BUF_ERROR: unexpected end of file)'],
    [
      'a wrong sum',
      Buffer.concat([packed.subarray(0, -8), Buffer.alloc(8)]),
      'gzip',
      '(Z_DATA_ERROR: incorrect data check)',
    ],
  ])('in %s is an error, and leaves no connection in use', async (_name, body, coding, message) => {
    const { get } = await clientOf(say(body, coding))
    const failure = await get()
      .then(({ body }) => textOf(body))
      .catch((error) => error)
    expect(failure).toBeInstanceOf(ContentCodingError)
    expect(failure.message).toContain(message)
    expect(failure.message.length).toBeLessThan(150)
    // More often than there are connections.
    for (let count = 0; count < 5; count++) {
      const excerpt = await get()
        .then((response) => response.excerpt(10))
        .catch((error) => error)
      if (message.includes('content-encoding')) expect(excerpt).toBeInstanceOf(ContentCodingError)
    }
  })

  it('shows its beginning unpacked', async () => {
    const { get } = await clientOf(say(packed, 'gzip'))
    expect(await (await get()).excerpt(12)).toBe('192.0.2.1\n19')
  })

  it('comes while it is packed', async () => {
    let rest = () => {}
    const { get } = await clientOf((_, response) => {
      const gzip = createGzip()
      response.setHeader('content-encoding', 'gzip')
      gzip.pipe(response)
      gzip.write('begin')
      gzip.flush(constants.Z_SYNC_FLUSH)
      rest = () => gzip.end(' end')
    })
    const seen: string[] = []
    for await (const chunk of (await get()).body) {
      seen.push(Buffer.from(chunk).toString())
      rest()
    }
    expect(seen).toEqual(['begin', ' end'])
  })

  const half = (then: (response: ServerResponse) => void): RequestListener => {
    return (_, response) => {
      response.setHeader('content-encoding', 'gzip')
      response.write(packed.subarray(0, packed.length / 2), () => then(response))
    }
  }
  it.each([
    ['breaks off', half((response) => response.destroy()), 'ERR_CSB_CONNECTION_LOST'],
    ['stalls', half(() => {}), 'ERR_CSB_TIMEOUT'],
  ])('that %s is told as one without gzip', async (_name, listener, code) => {
    const { get } = await clientOf(listener)
    const { body } = await get(300)
    await expect(textOf(body)).rejects.toMatchObject({ code })
  })

  it('that is let go of ends its connection', async () => {
    let isClosed: Promise<unknown> = Promise.resolve()
    const { get } = await clientOf(
      half((response) => {
        isClosed = once(response, 'close')
      }),
    )
    for await (const _ of (await get()).body) break
    await isClosed
    const second = await get()
    second.discard()
    await isClosed
  })
})

it('a gzip that unpacks to a thousandfold costs what is read of it', async () => {
  const bomb = gzipSync(Buffer.alloc(256 << 20), { level: 9 })
  const { get } = await clientOf(say(bomb, 'gzip'))
  const before = process.memoryUsage()
  let most = 0
  let length = 0
  for await (const chunk of (await get()).body) {
    length += chunk.length
    const { arrayBuffers, heapUsed } = process.memoryUsage()
    most = Math.max(most, arrayBuffers + heapUsed - before.arrayBuffers - before.heapUsed)
  }
  expect([bomb.length < 300_000, length]).toEqual([true, 256 << 20])
  console.log(`256 MiB from ${bomb.length >> 10} KiB: ${Math.round(most / 2 ** 20)} MiB more memory at most`)
  expect(most).toBeLessThan(64 << 20)
})
