/** Starts the program as a process of its own, which ends with the test at the latest. No option comes from this environment. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'

const cleanEnvironment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('CROWDSEC_')),
)

/** `main`: of `compiledProgram()`. `out` and `err` are what it has printed so far. */
export function startProgram(main: string, words: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [main, ...words], { cwd, env: { ...cleanEnvironment, ...env } })
  onTestFinished(() => void child.kill('SIGKILL'))
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    err += text
  })
  const exit = once(child, 'close').then(([code, signal]) => ({ code, signal }))
  return { child, exit, out: () => out, err: () => err }
}
