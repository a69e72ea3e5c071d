/** Flags that several commands about CAPI share. */

import type { Command } from 'commander'

/** Where the storage and CAPI are. */
export function withCommonFlags(command: Command): Command {
  return command
    .option('-c, --config <file>', 'configuration in YAML, the same as of "serve"')
    .option('--storage <location>', 'in place of capi_storage: sqlite:PATH or postgresql://...')
    .option('--url <url>', 'in place of capi_url: production, development or a URL')
    .option('--scenarios <list>', 'in place of capi_scenarios: names with commas between them')
    .option('--json', 'print JSON')
}

/** For what concerns one machine. */
export function withMachineFlag(command: Command): Command {
  return command.option('--machine <id>', 'which machine, where there are several')
}

/** For what concerns the signals of all machines. */
export function withMachineFilter(command: Command): Command {
  return command.option('--machine <id>', 'only those of this machine')
}
