/** A check service on a free port over a bouncer made of a table, and a client that shows the bare answer. */

import { type IncomingHttpHeaders, type RequestOptions, request } from 'node:http'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { Registry } from 'prom-client'
import { onTestFinished } from 'vitest'
import type { Logger } from '../../src/logger.js'
import { type CheckService, createCheckService, type ServiceAddress } from '../../src/server/check-service.js'
import type { CheckedBouncer, CheckedDecision } from '../../src/server/checked-bouncer.js'

export const ban: CheckedDecision = {
  id: 7,
  origin: 'cscli',
  scenario: 'manual "ban"',
  scope: 'Ip',
  value: '203.0.113.7',
  type: 'ban',
  until: '2030-01-01T00:00:00.000Z',
}

/** Allows everything but 203.0.113.7. */
export function tableBouncer(overrides: Partial<CheckedBouncer> = {}): CheckedBouncer {
  return {
    ask: (address) => (address === ban.value ? { action: 'ban', decision: ban } : { action: 'allow', decision: null }),
    isReady: () => true,
    stats: () => ({
      decisions: 1,
      sources: [{ name: 'lapi', state: 'synced', decisions: 1, lastSyncAgeSeconds: 3.5, lastError: null }],
    }),
    registry: new Registry(),
    ...overrides,
  }
}

/** A logger that remembers. */
export function memoryLogger(): Logger & { readonly lines: string[] } {
  const lines: string[] = []
  const write = (line: string) => void lines.push(line)
  return { lines, debug: write, info: write, warn: write, error: write }
}

export async function startService(
  overrides: Partial<CheckedBouncer> = {},
  logger?: Logger,
): Promise<ServiceAddress & { readonly service: CheckService }> {
  const listen = { host: '127.0.0.1', port: 0 }
  const service = createCheckService({ bouncer: tableBouncer(overrides), listen, ...(logger ? { logger } : {}) })
  const address = await service.start()
  onTestFinished(() => service.stop())
  return { ...address, service }
}

export interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** The path is sent as it stands: fetch would tidy it up. */
export function ask(port: number, path: string, options: RequestOptions & { body?: string } = {}): Promise<Answer> {
  const { body, ...rest } = options
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, agent: false, ...rest }, async (response) => {
      response.setEncoding('utf8')
      let text = ''
      for await (const chunk of response) text += chunk
      resolve({ status: response.statusCode, headers: response.headers, text })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** A bare connection, and all that came over it once it is closed. */
export function rawConnection(port: number): { readonly socket: Socket; readonly received: Promise<string> } {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.setEncoding('utf8')
  socket.on('data', (chunk) => {
    text += chunk
  })
  const received = new Promise<string>((resolve) => {
    socket.on('error', () => {})
    socket.on('close', () => resolve(text))
  })
  return { socket, received }
}
