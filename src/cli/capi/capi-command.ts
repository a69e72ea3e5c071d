/** `crowdsec-bouncer capi ...`: the commands about CrowdSec's Central API, what they take and what their exit codes mean. */

import type { Command } from 'commander'
import type { CommandContext } from '../command-context.js'
import { type CapiCommandFlags, type RunInSession, withCapi } from './capi-session.js'
import { withCommonFlags, withMachineFlag } from './common-flags.js'
import { type DecisionsFlags, decisions } from './decisions.js'
import { type EnrollFlags, enroll } from './enroll.js'
import { collected } from './flag-values.js'
import { login } from './login.js'
import { type RegisterFlags, register } from './register.js'
import { addSignalsCommands } from './signals-command.js'
import { status } from './status.js'
import { unblock } from './unblock.js'

/** Adds the commands to the program, whose settings they inherit. `end` is told the exit code of the one that ran. */
export function addCapiCommand(program: Command, context: CommandContext, end: (exitCode: number) => void): void {
  const run: RunInSession = async (use, flags, command) => end(await withCapi(use, flags, context, command))
  const capi = program
    .command('capi')
    .description("ask CrowdSec's Central API (CAPI): machines, decisions, and signals about attacks")
    .addHelpText(
      'after',
      '\nEvery command exits with 2 on failure; "capi COMMAND --help" tells what else it exits with.',
    )

  withCommonFlags(capi.command('register'))
    .description('make a machine known to CAPI, and print its id; one that is known already is left as it is')
    .option('--machine-id <id>', 'the whole id: 48 letters and digits')
    .option('--key <text>', 'derive the id from a text that only this machine has, as the Python SDK does')
    .option('--prefix <text>', 'what the id begins with; without --key the rest is random')
    .action(async (flags: CapiCommandFlags & RegisterFlags) => run('register', flags, register(flags)))

  withMachineFlag(withCommonFlags(capi.command('login')))
    .description('get a token where there is none that is good, and say until when it is')
    .action((flags: CapiCommandFlags) => run('use', flags, (session) => login(session, flags.machine)))

  withMachineFlag(withCommonFlags(capi.command('enroll [key]')))
    .description('put a machine into your account of the CrowdSec console')
    .option('--key-file <file>', 'a file that holds nothing but the attachment key')
    .option('--name <name>', 'what the console calls the machine (default: its id)')
    .option('--tag <tag>', 'a tag in the console; may be repeated', collected)
    .option('--overwrite', 'enroll it anew where it is enrolled already')
    .option('--all', 'every machine in the storage')
    .addHelpText('after', enrollHelp)
    .action(async (key: string | undefined, flags: CapiCommandFlags & EnrollFlags) =>
      run('use', flags, await enroll(context, key, flags)),
    )

  withCommonFlags(capi.command('status'))
    .description('say how the machines stand and what waits in the outbox, without asking CAPI')
    .action((flags: CapiCommandFlags) => run('look', flags, status))

  withCommonFlags(capi.command('unblock [machine]'))
    .description('let a machine, or all, that CAPI has refused ask it again; the pause of all machines ends too')
    .action((machine: string | undefined, flags: CapiCommandFlags) =>
      run('look', flags, (session) => unblock(session, machine)),
    )

  withMachineFlag(withCommonFlags(capi.command('decisions')))
    .description('pull the decisions once and print them; with --json, one a line')
    .option('--no-community', "without the community's list")
    .option('--no-additional', 'without what the console adds: blocklists and allowlists')
    .option('--lists', 'download the linked blocklists, too')
    .addHelpText('after', '\nExits with 0, or 1 where a linked blocklist cannot be had, or 2 on failure.')
    .action((flags: CapiCommandFlags & DecisionsFlags) => run('use', flags, (session) => decisions(session, flags)))

  addSignalsCommands(capi, run)
}

const enrollHelp = `
The attachment key comes from the console. Where others can see what runs on this machine, keep it off the command line:
--key-file FILE, the environment variable CROWDSEC_BOUNCER_ATTACHMENT_KEY, or - for standard input.

Exits with 0, or 1 where only some of --all are enrolled, or 2 on failure.`
