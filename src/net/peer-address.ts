/** Who is at the other end of a connection: an address, a process of this machine, or nobody any more. */

import type { Socket } from 'node:net'

/** What stands for the peer of a unix socket. No address: a decision never matches it. */
export const UNIX_PEER = 'unix:'

/** The remote address, `UNIX_PEER`, or undefined where the connection is gone and it was not asked for before. */
export function peerAddress(socket: Socket | undefined): string | undefined {
  const address = socket?.remoteAddress
  if (address !== undefined || socket === undefined) return address
  // A client that resets its connection at once leaves a request to be read and no remote address. It must not be taken for
  // a unix socket, whose peer is trusted; but the local address is still there, which a unix socket never has.
  return socket.destroyed || socket.localAddress !== undefined ? undefined : UNIX_PEER
}
