#!/usr/bin/env node
/** The program `crowdsec-bouncer`. */

import { runCommandLine } from './command-line.js'
import { stopSignal } from './stop-signal.js'

// Whoever reads may have seen enough: `crowdsec-bouncer capi decisions | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

process.exitCode = await runCommandLine(process.argv.slice(2), {
  print: (text) => process.stdout.write(text),
  printError: (text) => process.stderr.write(text),
  get input() {
    return process.stdin
  },
  isWatched: process.stderr.isTTY === true, // undefined for a pipe
  untilInterrupted: () => {
    const controller = new AbortController()
    stopSignal().then((signal) => controller.abort(new Error(signal)))
    return controller.signal
  },
})
