/** A port on loopback where connecting hangs, as behind a firewall that drops packets: the queue of a stopped process is full. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { onTestFinished } from 'vitest'

/** Linux drops what does not fit into the queue; other systems may refuse it. */
export const canHang = process.platform === 'linux'

const program = `const server = require('node:net').createServer()
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port))`

/** Freed with the test. */
export async function hangingPort(): Promise<number> {
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const port = Number(line.toString())
  child.kill('SIGSTOP')
  // A backlog of one holds two on Linux; whatever comes after them waits.
  const sockets = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => {}))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    child.kill('SIGKILL')
  })
  await Promise.all(sockets.slice(0, 2).map((socket) => once(socket, 'connect')))
  return port
}
