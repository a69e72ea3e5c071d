/** Ends an HTTP server without cutting answers short, within a bounded time. */

import type { Server, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'

/** How long requests under way may take to finish. */
const grace = 5_000

/** How long an idle connection is kept for a request that may be on its way, which is answered with `connection: close`. */
const linger = 200

/** Call before the server listens; the function closes it and resolves when no connection is left, however often called. */
export function gracefulClose(server: Server): () => Promise<void> {
  /** Each open connection with its latest answer, which may be under way. */
  const connections = new Map<Socket, ServerResponse | null>()
  let closed: Promise<void> | null = null
  server.on('connection', (socket) => {
    connections.set(socket, null)
    socket.once('close', () => connections.delete(socket))
  })
  server.prependListener('request', (request, response) => {
    if (closed !== null) response.setHeader('connection', 'close')
    else if (connections.has(request.socket)) connections.set(request.socket, response)
  })
  return () => {
    closed ??= close(server, connections)
    return closed
  }
}

function close(server: Server, connections: ReadonlyMap<Socket, ServerResponse | null>): Promise<void> {
  if (!server.listening) return Promise.resolve()
  for (const response of connections.values()) {
    if (response !== null && !response.headersSent) response.setHeader('connection', 'close')
  }
  return new Promise((resolve) => {
    const closeUnused = () => {
      server.closeIdleConnections()
      // Connections opened in advance and never used do not count as idle to Node 20.
      for (const socket of connections.keys()) if (socket.bytesRead === 0) socket.destroy()
    }
    // An immediate comes after what has arrived is read: of a request that waits in the kernel nothing is known before.
    const sweep = setInterval(() => setImmediate(closeUnused), linger)
    const cut = setTimeout(() => server.closeAllConnections(), grace)
    // That of http.Server would at once reset connections that are idle, also where the next request has arrived and is not read yet.
    NetServer.prototype.close.call(server, () => {
      clearInterval(sweep)
      clearTimeout(cut)
      server.close() // nothing is left that it could reset; it ends the timer that looks after headers
      resolve()
    })
  })
}
