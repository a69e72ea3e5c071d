/** What a command about CAPI works with: the client that the configuration describes, the output, and which machine is meant. */

import { stat } from 'node:fs/promises'
import { type CapiClient, createCapiClient } from '../../capi-client.js'
import { type CapiConfiguration, loadCapiConfiguration } from '../../config/load-capi-configuration.js'
import { BouncerError } from '../../errors.js'
import type { Logger } from '../../logger.js'
import { systemCodeOf } from '../../thrown.js'
import type { CommandContext } from '../command-context.js'
import { Output } from './output.js'

/** What every command takes. */
export interface CapiCommandFlags {
  readonly config?: string
  readonly storage?: string
  readonly url?: string
  readonly scenarios?: string
  readonly json?: boolean
  /** Not of every command. */
  readonly machine?: string
}

export interface CapiSession {
  readonly client: CapiClient
  readonly configuration: CapiConfiguration
  readonly output: Output
  readonly context: CommandContext
}

/**
 * What a command does with the storage. `look`: it has nothing to keep there, so that a file that is missing or empty must be a typing
 * error. `use`: it needs a machine, which may also come from the configuration; then the file is made. `add`: the same, and what it
 * keeps has to outlive it. `register`: it makes the first machine.
 */
export type StorageUse = 'look' | 'use' | 'add' | 'register'

/** Runs the command in a session, and has its exit code told. */
export type RunInSession = (
  use: StorageUse,
  flags: CapiCommandFlags,
  command: (session: CapiSession) => Promise<number>,
) => Promise<void>

/** Runs a command; the storage is closed when it has ended. Resolves with the command's exit code. */
export async function withCapi(
  use: StorageUse,
  flags: CapiCommandFlags,
  context: CommandContext,
  command: (session: CapiSession) => Promise<number>,
): Promise<number> {
  const configuration = await loadCapiConfiguration({ file: flags.config, env: process.env }, flags)
  await requireStorage(use, configuration)
  const output = new Output(context, flags.json === true ? 'json' : 'text')
  const client = await createCapiClient({
    url: configuration.capiUrl,
    scenarios: configuration.capiScenarios,
    storage: configuration.capiStorage,
    limits: { maxSignals: configuration.reportMaxSignals, maxAge: configuration.reportMaxAge },
    loginBudget: configuration.capiLoginBudget,
    allowPrivateLinks: configuration.capiAllowPrivateLinks,
    logger: warningsTo(output),
  })
  try {
    return await command({ client, configuration, output, context })
  } finally {
    output.close()
    await client.close()
  }
}

/** The machine that is named, else that of the configuration, else the only one in the storage. Throws `ERR_CSB_CONFIG`. */
export async function chosenMachine(session: CapiSession, named: string | undefined): Promise<string> {
  const { client, configuration } = session
  const { capiMachineId, capiPassword } = configuration
  if (named !== undefined && named !== capiMachineId) return storedMachine(session, named)
  if (capiMachineId !== undefined) return (await client.addMachine(capiMachineId, capiPassword?.reveal())).machineId
  const machines = await client.machines()
  const { storage } = client.targets
  if (machines.length === 1) return machines[0].machineId
  if (machines.length > 1) throw noMachine(`there are ${machines.length} in ${storage}; name one with --machine`)
  throw noMachine(`there is none in ${storage}; "crowdsec-bouncer capi register" adds one`)
}

/** The machine whose signals are meant, where one is named. Throws `ERR_CSB_CONFIG` where neither it nor a signal of it is stored. */
export async function filteredMachine(session: CapiSession, named: string | undefined): Promise<string | undefined> {
  if (named === undefined || named === session.configuration.capiMachineId) return named
  const { queued, sent, quarantined } = await session.client.signalCounts({ machineId: named })
  return queued + sent + quarantined > 0 ? named : storedMachine(session, named) // some wait for a machine that was removed
}

/** The named machine. Throws `ERR_CSB_CONFIG` where it is not known: CAPI would take a typing error for a new machine. */
export async function storedMachine({ client }: CapiSession, named: string): Promise<string> {
  if ((await client.machines()).some(({ machineId }) => machineId === named)) return named
  throw noMachine(
    `${JSON.stringify(named)} is not in ${client.targets.storage}; "crowdsec-bouncer capi status" lists them`,
  )
}

/** Throws before a file is made that nobody wants. What else may be wrong is told when it is opened. */
async function requireStorage(use: StorageUse, { capiStorage, capiMachineId }: CapiConfiguration): Promise<void> {
  const location = capiStorage.reveal()
  if (location === 'memory' && (use === 'add' || use === 'register')) {
    const message = 'expected a storage that outlives the command, got memory; -c or --storage says where it is'
    throw new BouncerError('ERR_CSB_CONFIG', message)
  }
  const path = /^sqlite:(.+)$/.exec(location)?.[1]
  if (path === undefined || use === 'register' || (use !== 'look' && capiMachineId !== undefined)) return
  const problem = await stat(path).then((file) => (file.size === 0 ? 'EMPTY' : null), systemCodeOf)
  if (problem !== 'ENOENT' && problem !== 'EMPTY') return
  throw new BouncerError(
    'ERR_CSB_STORAGE',
    `There is no storage ${location}: ${problem === 'EMPTY' ? 'the file is empty' : 'no such file'}; -c or --storage says where it is, and "crowdsec-bouncer capi register" makes one`,
  )
}

function noMachine(why: string): BouncerError {
  return new BouncerError('ERR_CSB_CONFIG', `expected a machine: ${why}`)
}

function warningsTo(output: Output): Logger {
  const warn = (message: string) => output.note(`warning: ${message}`)
  return { debug() {}, info() {}, warn, error: warn }
}
