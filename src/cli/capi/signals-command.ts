/** `crowdsec-bouncer capi signals ...`: the commands about the outbox. */

import { type Command, Option } from 'commander'
import { LARGEST_CHUNK } from '../../signals/sending/signal-sender.js'
import type { CapiCommandFlags, RunInSession } from './capi-session.js'
import { withCommonFlags, withMachineFilter, withMachineFlag } from './common-flags.js'
import { collected, count, countUpTo, duration } from './flag-values.js'
import { addSignals, type SignalsAddFlags } from './signals-add.js'
import { listSignals, type SignalsListFlags } from './signals-list.js'
import { pruneSignals, type SignalsPruneFlags } from './signals-prune.js'
import { requeueSignals } from './signals-requeue.js'
import { type SignalsSendFlags, sendSignals } from './signals-send.js'

const states = ['queued', 'sent', 'quarantined'] as const

export function addSignalsCommands(capi: Command, run: RunInSession): void {
  const signals = capi.command('signals').description('the outbox: signals that wait until CAPI has taken them')

  withMachineFilter(withCommonFlags(signals.command('list')))
    .description('print signals, the oldest first; with --json, one a line')
    .addOption(new Option('--state <state>', 'only those').choices(states))
    .option('--limit <count>', 'at most so many', count, 50)
    .action((flags: CapiCommandFlags & SignalsListFlags) =>
      run('look', flags, (session) => listSignals(session, flags)),
    )

  withMachineFlag(withCommonFlags(signals.command('add')))
    .description('put one signal, or a file of them, into the outbox')
    .option('--address <address>', 'the attacker: an address, or a CIDR')
    .option('--scenario <name>', 'author/name, best one of capi_scenarios')
    .option('--message <text>', 'what happened')
    .option('--at <time>', 'when, with an offset: 2024-01-26T10:20:46Z (default: now)')
    .option('--context <key=value>', 'what else is known; may be repeated', collected)
    .option('--file <file>', 'many signals: JSON lines, or a JSON array; - for standard input')
    .addHelpText('after', addHelp)
    .action(async (flags: CapiCommandFlags & SignalsAddFlags) => run('add', flags, addSignals(flags)))

  withCommonFlags(signals.command('send'))
    .description('send what is queued, of all machines')
    .option('--no-prune', 'keep what was sent, in the state "sent"')
    .option('--batch-size <count>', `signals in one request, up to ${LARGEST_CHUNK}`, countUpTo(LARGEST_CHUNK))
    .addHelpText('after', sendHelp)
    .action((flags: CapiCommandFlags & SignalsSendFlags) =>
      run('look', flags, (session) => sendSignals(session, flags)),
    )

  withMachineFilter(withCommonFlags(signals.command('prune')))
    .description('delete signals from the outbox')
    .addOption(new Option('--state <state>', 'only those').choices([...states, 'all']).default('sent'))
    .option('--older-than <duration>', 'only those stored longer ago than this: 7d', duration)
    .addOption(
      new Option(
        '--failing-machines',
        'all signals of machines that CAPI has refused for good, or with 403 again after an hour',
      ).conflicts(['olderThan', 'machine', 'state']),
    )
    .option('--dry-run', 'say how many, and delete none')
    .action((flags: CapiCommandFlags & SignalsPruneFlags) =>
      run('look', flags, (session) => pruneSignals(session, flags)),
    )

  withMachineFilter(withCommonFlags(signals.command('requeue')))
    .description('put what is in quarantine back into the queue')
    .action((flags: CapiCommandFlags) => run('look', flags, (session) => requeueSignals(session, flags.machine)))
}

const addHelp = `
A line of a file is {"address":"192.0.2.1","scenario":"author/name"} with, if need be, "message", "at", "context"
(an object of texts), "machine_id" and "uuid"; or a whole signal as CAPI takes it, of which what CAPI's contract does
not require may be missing or null. All lines are checked first: where one is bad, it is named and nothing is added.
Then 1000 at a time are stored, all of them or none; if that fails, the number of those that were stored is told. A
signal whose uuid is known is not added again.`

const sendHelp = `
Ctrl-C, SIGTERM and SIGHUP end it cleanly: what was not sent stays queued.
Exits with 0 where all were sent, 1 where some were not, 2 where there were failures and none was sent.`
