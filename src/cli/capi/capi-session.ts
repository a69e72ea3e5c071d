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

/** What a command does where the SQLite file is not there. `refuse`: it has nothing to add, so that the name must be a typing error. */
export type MissingStorage = 'make' | 'refuse'

/** Runs the command in a session, and has its exit code told. */
export type RunInSession = (
  missing: MissingStorage,
  flags: CapiCommandFlags,
  command: (session: CapiSession) => Promise<number>,
) => Promise<void>

/** Runs a command; the storage is closed when it has ended. Resolves with the command's exit code. */
export async function withCapi(
  missing: MissingStorage,
  flags: CapiCommandFlags,
  context: CommandContext,
  command: (session: CapiSession) => Promise<number>,
): Promise<number> {
  const configuration = await loadCapiConfiguration({ file: flags.config, env: process.env }, flags)
  if (missing === 'refuse') await requireFile(configuration.capiStorage.reveal())
  const output = new Output(context, flags.json === true ? 'json' : 'text')
  const client = await createCapiClient({
    url: configuration.capiUrl,
    scenarios: configuration.capiScenarios,
    storage: configuration.capiStorage,
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

/** The named machine. Throws `ERR_CSB_CONFIG` where it is not known: CAPI would take a typing error for a new machine. */
export async function storedMachine({ client }: CapiSession, named: string): Promise<string> {
  if ((await client.machines()).some(({ machineId }) => machineId === named)) return named
  throw noMachine(
    `${JSON.stringify(named)} is not in ${client.targets.storage}; "crowdsec-bouncer capi status" lists them`,
  )
}

/** Throws `ERR_CSB_STORAGE` where the location names a file that is not there. What else may be wrong is told when it is opened. */
async function requireFile(location: string): Promise<void> {
  const path = /^sqlite:(.+)$/.exec(location)?.[1]
  if (path === undefined) return
  const problem = await stat(path).then(() => null, systemCodeOf)
  if (problem !== 'ENOENT') return
  throw new BouncerError(
    'ERR_CSB_STORAGE',
    `There is no storage ${location}: no such file; -c or --storage says where it is, and "crowdsec-bouncer capi register" makes one`,
  )
}

function noMachine(why: string): BouncerError {
  return new BouncerError('ERR_CSB_CONFIG', `expected a machine: ${why}`)
}

function warningsTo(output: Output): Logger {
  const warn = (message: string) => output.note(`warning: ${message}`)
  return { debug() {}, info() {}, warn, error: warn }
}
