/** `capi signals add`: puts one signal, or all of a file, into the outbox. Sends nothing. */

import { createReadStream } from 'node:fs'
import type { AddSummary, Signal } from '../../capi-client.js'
import { BouncerError } from '../../errors.js'
import { systemCodeOf } from '../../thrown.js'
import { type CapiSession, chosenMachine } from './capi-session.js'
import { type ShortSignal, signalFromRecord } from './signal-from-record.js'
import { readSignalRecords, type SignalRecord } from './signal-records.js'

export interface SignalsAddFlags {
  readonly address?: string
  readonly scenario?: string
  readonly message?: string
  readonly at?: string
  readonly context?: readonly string[]
  readonly file?: string
  readonly machine?: string
}

/** Signals stored in one transaction. */
const BATCH = 1_000

/** Bad lines that are shown; of more there is the number. */
const MOST_SHOWN = 20

/** What the command line says, checked before the storage is opened, and so made. */
export function addSignals(flags: SignalsAddFlags): (session: CapiSession) => Promise<number> {
  const { address, scenario, message, at, context = [], file } = flags
  if (file === undefined) {
    const record = single(flags)
    return async (session) => {
      const machineId = await chosenMachine(session, flags.machine)
      return tellStored(session, [signalFromRecord(record, machineId)])
    }
  }
  if ([address, scenario, message, at, ...context].some((one) => one !== undefined)) {
    throw new BouncerError('ERR_CSB_CONFIG', '--file: has whole signals; leave --address and what describes one away')
  }
  return async (session) => {
    const machineId = await chosenMachine(session, flags.machine)
    return tellStored(session, await signalsOfFile(session, file, machineId))
  }
}

async function tellStored(session: CapiSession, signals: readonly Signal[]): Promise<number> {
  const { added, known, dropped } = await store(session, signals)
  const told = [`${added} added`]
  if (known > 0) told.push(`${known} known already`)
  if (dropped > 0) told.push(`${dropped} dropped to keep the outbox within its limits`)
  session.output.result([told.join(', ')], { added, known, dropped })
  return 0
}

function single({ address, scenario, message, at, context = [] }: SignalsAddFlags): ShortSignal {
  if (address === undefined || scenario === undefined) {
    throw new BouncerError('ERR_CSB_CONFIG', 'expected --address and --scenario, or --file')
  }
  return { address, scenario, message, at, context: byKey(context.map(pair)) }
}

/** A signal may have several texts of one key. */
function byKey(pairs: readonly (readonly [string, string])[]): Record<string, string[]> {
  const texts = new Map<string, string[]>()
  for (const [key, text] of pairs) texts.set(key, [...(texts.get(key) ?? []), text])
  return Object.fromEntries(texts)
}

function pair(text: string): readonly [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new BouncerError('ERR_CSB_CONFIG', `--context: expected key=value, got ${JSON.stringify(text)}`)
  return [text.slice(0, at), text.slice(at + 1)]
}

/** All lines are read and checked before the first signal is stored; where one is bad, none is. */
async function signalsOfFile(session: CapiSession, file: string, machineId: string): Promise<readonly Signal[]> {
  const { output, context } = session
  const input = file === '-' ? context.input : createReadStream(file)
  const signals: Signal[] = []
  let bad = 0
  for await (const record of readable(file, readSignalRecords(input))) {
    try {
      signals.push(signalFromRecord(record.content, machineId))
    } catch (error) {
      if (!(error instanceof BouncerError)) throw error
      if (bad++ < MOST_SHOWN) output.note(`${record.where}: ${error.message}`)
    }
    output.progress(`${signals.length} signals read`)
  }
  if (bad === 0) return signals
  const more = bad > MOST_SHOWN ? ` (${MOST_SHOWN} of them are shown)` : ''
  const message = `${bad} of ${bad + signals.length} are no signals${more}; nothing was added`
  throw new BouncerError('ERR_CSB_SIGNAL', message)
}

/** The same, with the system's error told as one of ours. */
async function* readable(file: string, records: AsyncIterable<SignalRecord>): AsyncGenerator<SignalRecord> {
  try {
    yield* records
  } catch (cause) {
    const code = systemCodeOf(cause)
    if (cause instanceof BouncerError || code === null) throw cause
    throw new BouncerError('ERR_CSB_CONFIG', `--file: ${file} cannot be read (${code})`, { cause })
  }
}

async function store({ client, output }: CapiSession, signals: readonly Signal[]): Promise<AddSummary> {
  const total = { added: 0, known: 0, dropped: 0 }
  for (let from = 0; from < signals.length; from += BATCH) {
    const batch = signals.slice(from, from + BATCH)
    try {
      const { added, known, dropped } = await client.addSignals(batch)
      total.added += added
      total.known += known
      total.dropped += dropped
    } catch (error) {
      if (from > 0) output.note(`the first ${from} of ${signals.length} signals were added, the others were not`)
      throw error
    }
    output.progress(`${from + batch.length} of ${signals.length} signals added`)
  }
  return total
}
