/** Keeps a few connections busy with requests and tells how long it took. Bare sockets: it must not be the slower end. */

import { connect } from 'node:net'

const CONNECTIONS = 16

process.on('message', async ({ url, paths, requests }) => {
  const { hostname, port } = new URL(url)
  const began = performance.now()
  const shares = Array.from({ length: CONNECTIONS }, (_, i) => Math.floor((requests + i) / CONNECTIONS))
  try {
    await Promise.all(shares.map((share, i) => askAgainAndAgain({ hostname, port: Number(port) }, paths, i, share)))
    process.send({ seconds: (performance.now() - began) / 1000 })
  } catch (error) {
    process.send({ error: String(error) })
  }
})

function askAgainAndAgain({ hostname, port }, paths, first, requests) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, hostname)
    let asked = 0
    let rest = ''
    const ask = () => {
      if (asked === requests) {
        socket.end()
        resolve()
        return
      }
      const path = paths[(first + CONNECTIONS * asked++) % paths.length]
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nAccept: */*\r\n\r\n`)
    }
    socket.setEncoding('latin1')
    socket.setNoDelay(true)
    socket.on('error', reject)
    socket.on('connect', ask)
    socket.on('data', (chunk) => {
      rest += chunk
      const head = rest.indexOf('\r\n\r\n')
      if (head === -1) return
      const length = Number(/content-length: (\d+)/i.exec(rest)?.[1])
      if (rest.length < head + 4 + length) return
      if (!rest.startsWith('HTTP/1.1 200')) reject(new Error(rest.slice(0, head)))
      rest = ''
      ask()
    })
  })
}
process.once('disconnect', () => process.exit())
