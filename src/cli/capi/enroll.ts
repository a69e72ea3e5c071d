/** `capi enroll`: puts machines into the account of an attachment key. */

import type { EnrollResult } from '../../capi-client.js'
import type { Secret } from '../../config/kinds/secret.js'
import { BouncerError } from '../../errors.js'
import { codeOf } from '../../thrown.js'
import type { CommandContext } from '../command-context.js'
import { readAttachmentKey } from './attachment-key.js'
import { type CapiSession, chosenMachine } from './capi-session.js'
import type { ListFormat } from './output.js'

export interface EnrollFlags {
  readonly keyFile?: string
  readonly name?: string
  readonly tag?: readonly string[]
  readonly overwrite?: boolean
  readonly all?: boolean
  readonly machine?: string
}

type Command = (session: CapiSession) => Promise<number>

/** What the command line says, checked before the storage is opened, and so made. */
export async function enroll(
  context: Pick<CommandContext, 'input'>,
  argument: string | undefined,
  flags: EnrollFlags,
): Promise<Command> {
  if (flags.all === true && flags.machine !== undefined) {
    throw new BouncerError('ERR_CSB_CONFIG', '--machine and --all: leave one away')
  }
  const key = await readAttachmentKey(argument, flags.keyFile, context)
  return (session) => enrollBy(key, session, flags)
}

/** 0: every machine is enrolled, 1: some are, 2: none. A single failure is thrown. */
async function enrollBy(key: Secret, session: CapiSession, flags: EnrollFlags): Promise<number> {
  const { client, output } = session
  const machineIds = await wantedMachines(session, flags)
  const results: EnrollResult[] = []
  for (const [index, machineId] of machineIds.entries()) {
    output.progress(`enrolling ${index + 1} of ${machineIds.length}`)
    const [result] = await client.enrollMachines([machineId], {
      attachmentKey: key.reveal(),
      name: flags.name ?? machineId,
      tags: flags.tag ?? [],
      overwrite: flags.overwrite === true,
    })
    results.push(result)
    // The key is the same for all.
    if (result.outcome === 'failed' && isBadKey(result.error)) break
  }
  const [first] = results
  if (results.length === 1 && first.outcome === 'failed') throw first.error
  output.list(results, format)
  const untried = machineIds.length - results.length
  if (untried > 0) output.note(`${untried} more not tried: the key is the same`)
  const failed = untried + results.filter(({ outcome }) => outcome === 'failed').length
  if (results.some(({ outcome }) => outcome === 'accepted'))
    output.note('what is accepted has to be confirmed in the console')
  return failed === 0 ? 0 : failed < machineIds.length ? 1 : 2
}

async function wantedMachines(session: CapiSession, { all, machine }: EnrollFlags): Promise<readonly string[]> {
  if (all !== true) return [await chosenMachine(session, machine)]
  const machines = await session.client.machines()
  if (machines.length > 0) return machines.map(({ machineId }) => machineId)
  return [await chosenMachine(session, undefined)]
}

function isBadKey(error: Error): boolean {
  return codeOf(error) === 'ERR_CSB_CAPI_ENROLL'
}

const format: ListFormat<EnrollResult> = {
  header: ['machine', 'outcome'],
  row: (result) => [
    result.machineId,
    result.outcome === 'failed' ? `failed: ${errorText(result.error)}` : result.outcome,
  ],
  document: (result) => ({
    machine_id: result.machineId,
    outcome: result.outcome,
    error: result.outcome === 'failed' ? errorText(result.error) : null,
  }),
}

function errorText(error: Error): string {
  return `${codeOf(error)}: ${error.message}`
}
