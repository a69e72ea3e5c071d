#!/usr/bin/env node
/** The program `crowdsec-bouncer`. */

import { createBouncer } from '../bouncer.js'
import { runCommandLine } from './command-line.js'

process.exitCode = await runCommandLine(process.argv.slice(2), {
  createBouncer,
  print: (text) => process.stdout.write(text),
  printError: (text) => process.stderr.write(text),
})
