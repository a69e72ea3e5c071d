/** The life of the service: starting, stopping with requests under way, and clients that mean harm. */

import { once } from 'node:events'
import { Agent } from 'node:http'
import { describe, expect, test } from 'vitest'
import { createCheckService } from '../../src/server/check-service.js'
import { ask, rawConnection, startService, tableBouncer } from './service.js'

const get = 'GET /check?ip=203.0.113.7 HTTP/1.1\r\nhost: x\r\n\r\n'

describe('start', () => {
  test('tells where it listens', async () => {
    const { host, port, url } = await startService()
    expect(port).toBeGreaterThan(0)
    expect([host, url]).toEqual(['127.0.0.1', `http://127.0.0.1:${port}`])
  })

  test('on a taken port is an error with a code', async () => {
    const { port } = await startService()
    const second = createCheckService({ bouncer: tableBouncer(), listen: { host: '127.0.0.1', port } })
    await expect(second.start()).rejects.toMatchObject({
      code: 'ERR_CSB_LISTEN',
      message: `cannot listen on 127.0.0.1, port ${port} (EADDRINUSE)`,
    })
    await second.stop()
  })

  test('happens once', async () => {
    const { service } = await startService()
    await expect(service.start()).rejects.toMatchObject({ code: 'ERR_CSB_STATE' })
    await service.stop()
    await expect(service.start()).rejects.toMatchObject({ code: 'ERR_CSB_STATE' })
  })
})

describe('stop', () => {
  test('before start, twice and at once is harmless', async () => {
    await createCheckService({ bouncer: tableBouncer(), listen: { host: '127.0.0.1', port: 0 } }).stop()
    const { service } = await startService()
    await Promise.all([service.stop(), service.stop()])
    await service.stop()
  })

  test('during the start is a stop, and leaves nothing that listens', async () => {
    const service = createCheckService({ bouncer: tableBouncer(), listen: { host: '127.0.0.1', port: 0 } })
    const starting = service.start()
    await service.stop()
    const { port } = await starting
    await expect(ask(port, '/livez')).rejects.toThrow('ECONNREFUSED')
  })

  test.each([
    ['', () => {}],
    [' and nothing is read for a while', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)],
  ])('answers a request that has arrived before it was read%s', async (_name, keepBusy) => {
    const { port, service } = await startService()
    const { socket, received } = rawConnection(port)
    await once(socket, 'connect')
    await ask(port, '/livez') // the other connection is accepted now
    socket.write(get.replace('host: x', 'host: x\r\nconnection: close')) // on loopback it has arrived at once
    const stopped = service.stop()
    for (let i = 0; i < 10; i++) await null // it is closing now, in the same turn of the event loop
    keepBusy()
    await stopped
    expect(await received).toMatch(/^HTTP\/1\.1 200 OK.*"action":"ban"/s)
  })

  test('answers a request that has arrived on a connection in use before it was read, and says that it was the last', async () => {
    const { port, service } = await startService()
    const { socket, received } = rawConnection(port)
    socket.write(get)
    await once(socket, 'data')
    socket.write(get)
    await service.stop()
    const answers = (await received).split(/(?=HTTP)/)
    expect(answers).toEqual([expect.stringMatching(/^HTTP.*"ban"/s), expect.stringMatching(/^HTTP.*"ban"/s)])
    expect(answers.map((answer) => /^connection: close/im.test(answer))).toEqual([false, true])
  })

  test('cuts off none of many clients that ask again and again', async () => {
    const { port, service } = await startService()
    const agent = new Agent({ keepAlive: true })
    let answers = 0
    const client = async (): Promise<unknown> => {
      try {
        for (;;) {
          const { text } = await ask(port, '/check?ip=203.0.113.7', { agent })
          if (text.includes('"action":"ban"') && ++answers === 400) service.stop()
        }
      } catch (error) {
        return error
      }
    }
    const ends = await Promise.all(Array.from({ length: 20 }, client))
    expect(new Set(ends.map((error) => (error as NodeJS.ErrnoException).code))).toEqual(new Set(['ECONNREFUSED']))
    agent.destroy()
  })

  test('closes idle and unused connections soon', async () => {
    const { port, service } = await startService()
    const agent = new Agent({ keepAlive: true })
    await ask(port, '/livez', { agent })
    const unused = rawConnection(port)
    await once(unused.socket, 'connect')
    await ask(port, '/livez')
    const started = performance.now()
    await service.stop()
    expect(performance.now() - started).toBeLessThan(2_000)
    expect(await unused.received).toBe('')
    agent.destroy()
  })

  test('lets a request under way finish, and takes no new connection', async () => {
    const { port, service } = await startService()
    const { socket, received } = rawConnection(port)
    socket.write('POST /check HTTP/1.1\r\nhost: x\r\ncontent-length: 23\r\n\r\n{"ips":')
    await ask(port, '/livez')
    const stopped = service.stop()
    await expect(ask(port, '/livez')).rejects.toThrow('ECONNREFUSED')
    socket.write('["203.0.113.7"]}')
    const answered = performance.now()
    await stopped
    expect(performance.now() - answered).toBeLessThan(2_000)
    expect(await received).toMatch(/^HTTP\/1\.1 200 OK.*"action":"ban"/s)
  })

  test('does not wait for ever for a request that never ends', async () => {
    const { port, service } = await startService()
    const { socket, received } = rawConnection(port)
    socket.write('POST /check HTTP/1.1\r\nhost: x\r\ncontent-length: 23\r\n\r\n{"ips":')
    await ask(port, '/livez')
    const started = performance.now()
    await service.stop()
    expect(performance.now() - started).toBeLessThan(8_000)
    expect(await received).toBe('')
  })
})

describe('a client', () => {
  test('may send several requests at once over one connection', async () => {
    const { port } = await startService()
    const { socket, received } = rawConnection(port)
    socket.write(get + get + get.replace('host: x', 'host: x\r\nconnection: close'))
    expect((await received).match(/"action":"ban"/g)).toHaveLength(3)
  })

  test('that sends headers drop by drop is cut off', async () => {
    const { port } = await startService()
    const { socket, received } = rawConnection(port)
    socket.write('GET /check?ip=203.0.113.7 HTTP/1.1\r\nx: ')
    expect(await received).toMatch(/^HTTP\/1\.1 408 /)
  })

  test('that sends huge headers is refused', async () => {
    const { port } = await startService()
    const { socket, received } = rawConnection(port)
    socket.write(`GET /livez HTTP/1.1\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`)
    expect(await received).toMatch(/^HTTP\/1\.1 431 /)
  })

  test('that floods the body is answered and cut off', async () => {
    const { port } = await startService()
    const { socket, received } = rawConnection(port)
    socket.write(`POST /check HTTP/1.1\r\nhost: x\r\ncontent-length: ${64 * 1024 * 1024}\r\n\r\n`)
    const piece = Buffer.alloc(64 * 1024)
    const flood = () => {
      while (!socket.destroyed && socket.writable && socket.write(piece));
    }
    socket.on('drain', flood)
    flood()
    const text = await received
    expect(socket.bytesWritten).toBeLessThan(32 * 1024 * 1024)
    if (text !== '') expect(text).toMatch(/^HTTP\/1\.1 413 .*connection: close/is)
  })

  test('that goes away in the middle of a body harms nobody', async () => {
    const { port } = await startService()
    const { socket, received } = rawConnection(port)
    socket.write('POST /check HTTP/1.1\r\nhost: x\r\ncontent-length: 23\r\n\r\n{"ips":')
    await ask(port, '/livez')
    socket.destroy()
    await received
    expect((await ask(port, '/livez')).status).toBe(200)
  })
})
