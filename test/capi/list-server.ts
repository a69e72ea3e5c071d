/** A store of lists on loopback, as far as a test says what it answers. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export type Answerer = (request: IncomingMessage, response: ServerResponse) => void

export class ListServer {
  readonly requests: IncomingMessage[] = []
  readonly #answers = new Map<string, Answerer>()
  readonly #server: Server
  #port = 0

  private constructor() {
    this.#server = createServer((request, response) => {
      this.requests.push(request)
      const [path = ''] = (request.url ?? '').split('?')
      const answer = this.#answers.get(path)
      if (answer === undefined) response.writeHead(404).end('nothing here')
      else answer(request, response)
    })
  }

  /** Ends with the test. */
  static async start(host = '127.0.0.1'): Promise<ListServer> {
    const lists = new ListServer()
    const server = lists.#server
    onTestFinished(() => {
      server.close()
      server.closeAllConnections()
    })
    server.listen(0, host)
    await once(server, 'listening')
    lists.#port = (server.address() as AddressInfo).port
    return lists
  }

  /** What a link to a path of it says; signed. */
  url(path: string, host = '127.0.0.1'): string {
    return `http://${host}:${this.#port}${path}?X-Amz-Signature=${SIGNATURE}`
  }

  /** How many are open. */
  connections(): Promise<number> {
    return new Promise((resolve) => this.#server.getConnections((_, count) => resolve(count)))
  }

  on(path: string, answer: Answerer | string): void {
    this.#answers.set(path, typeof answer === 'string' ? (_, response) => response.end(answer) : answer)
  }
}

/** No message may hold it. */
export const SIGNATURE = 'c2lnbmVk-and-secret'

/** The head says how much there is, half of it comes, and the connection breaks. */
export function cutInHalf(text: string): Answerer {
  return (_, response) => {
    response.writeHead(200, { 'content-length': text.length })
    response.write(text.slice(0, text.length / 2), () => response.destroy())
  }
}

export function redirectTo(location: string, status = 302): Answerer {
  return (_, response) => response.writeHead(status, { location }).end()
}
