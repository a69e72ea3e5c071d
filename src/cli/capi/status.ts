/** `capi status`: how the machines stand with CAPI, and what waits in the outbox. Asks nothing of CAPI. */

import type { Breaker, SignalCounts } from '../../capi-client.js'
import { oneLine } from '../terminal-text.js'
import type { CapiSession } from './capi-session.js'
import { machineDocument, machineFormat } from './machine-view.js'
import { spanText, timeText } from './span-text.js'
import { tableLines } from './table.js'

export async function status({ client, output }: CapiSession): Promise<number> {
  const machines = await client.machines()
  const breaker = await client.breaker()
  const counts = await client.signalCounts()
  const { api, storage } = client.targets
  const lines = [
    `CAPI      ${api}`,
    `storage   ${storage}`,
    `pause     ${breaker === null ? 'none' : `until ${timeText(breaker.until)}: ${breaker.message}`}`,
    `outbox    ${outboxText(counts)}`,
    '',
  ].map(oneLine)
  const table =
    machines.length === 0
      ? ['no machine; "crowdsec-bouncer capi register" adds one']
      : tableLines(machineFormat.header, machines.map(machineFormat.row))
  output.result([...lines, ...table], {
    capi_url: api,
    storage,
    breaker: breakerDocument(breaker),
    machines: machines.map(machineDocument),
    outbox: outboxDocument(counts),
  })
  return 0
}

function breakerDocument(breaker: Breaker | null) {
  return breaker === null ? null : { until: timeText(breaker.until), message: breaker.message }
}

function outboxText({ queued, sent, quarantined, oldestQueuedAt }: SignalCounts): string {
  const oldest = oldestQueuedAt === null ? '' : ` (the oldest for ${spanText(Date.now() - oldestQueuedAt)})`
  return `${queued} queued${oldest}, ${sent} sent, ${quarantined} quarantined`
}

function outboxDocument({ queued, sent, quarantined, oldestQueuedAt }: SignalCounts) {
  const oldest = oldestQueuedAt === null ? null : timeText(oldestQueuedAt)
  return { queued, sent, quarantined, oldest_queued_at: oldest }
}
