/** Ends an HTTP server without cutting answers short, within a bounded time. */

import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** How long requests under way may take to finish. */
const grace = 5_000

/** How often connections that have become idle are looked for; Node closes those of the moment of `close()` by itself. */
const sweepInterval = 20

/** Call before the server listens; the function closes it and resolves when no connection is left, however often called. */
export function gracefulClose(server: Server): () => Promise<void> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  let closed: Promise<void> | null = null
  return () => {
    closed ??= close(server, sockets)
    return closed
  }
}

function close(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  if (!server.listening) return Promise.resolve()
  return new Promise((resolve) => {
    const sweep = setInterval(() => server.closeIdleConnections(), sweepInterval)
    const cut = setTimeout(() => server.closeAllConnections(), grace)
    server.close(() => {
      clearInterval(sweep)
      clearTimeout(cut)
      resolve()
    })
    // Connections opened in advance and never used do not count as idle to Node 20.
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
  })
}
