/** An HTTPS server on loopback with the certificates of test/fixtures/tls, and the paths of those. */

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** The path of a fixture, such as `client.pem`. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url))
}

/** Answers with the name in the client's certificate, unless told otherwise. Returns the port. */
export async function serveHttps(
  certificate: string,
  options: ServerOptions = {},
  listener: RequestListener = (request, response) =>
    response.end(`${(request.socket as TLSSocket).getPeerCertificate().subject?.CN ?? 'nobody'}`),
): Promise<number> {
  const cert = readFileSync(fixture(`${certificate}.pem`))
  const key = readFileSync(fixture(`${certificate}.key`))
  const server = createServer({ cert, key, ca: readFileSync(fixture('authority.pem')), ...options }, listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}
