/** The command line: which commands there are, what they print and the code that they exit with. */

import { Command, CommanderError } from 'commander'
import { codeOf, messageOf } from '../thrown.js'
import { addCapiCommand } from './capi/capi-command.js'
import { askService } from './check.js'
import type { CommandContext } from './command-context.js'
import { packageVersion } from './package-root.js'
import { oneLine } from './terminal-text.js'

/** Runs one command. Resolves with the exit code: 0 done or allowed, 1 blocked, 2 failed. */
export async function runCommandLine(words: readonly string[], context: CommandContext): Promise<number> {
  let exitCode = 0
  // Before the commands are added, because they inherit both. Left alone, commander exits with 1, which means "blocked" here.
  const program = new Command('crowdsec-bouncer').exitOverride().configureOutput({
    writeOut: (text) => context.print(text),
    writeErr: (text) => context.printError(text),
  })
  program.description('A CrowdSec remediation component.').version(packageVersion(), '-V, --version')

  program
    .command('serve')
    .description('run the check service')
    .option('-c, --config <file>', 'configuration in YAML; without it, the example that comes with the package')
    .action(async (options: { config?: string }) => {
      // Loaded only here: the web server, the bouncer and the log are most of what takes time to load.
      const { serve } = await import('./serve.js')
      await serve(options.config)
    })

  program
    .command('check <address>')
    .description('ask a running check service about an address; exits with 0 if it is allowed, 1 if not, 2 on failure')
    .option('-u, --url <url>', 'where the check service answers', 'http://127.0.0.1:8088')
    .option('--json', "print the service's answer as JSON")
    .action(async (address: string, options: { url: string; json?: boolean }) => {
      const { json, line, isAllowed } = await askService(address, options.url)
      context.print(`${options.json === true ? json : line}\n`)
      exitCode = isAllowed ? 0 : 1
    })

  addCapiCommand(program, context, (code) => {
    exitCode = code
  })

  try {
    await program.parseAsync(words, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    context.printError(`${errorLine(error)}\n`)
    return 2
  }
}

function errorLine(error: unknown): string {
  return oneLine(`${codeOf(error)}: ${messageOf(error)}`)
}
