/** Runs a command in this process and collects what it prints. */

import { runCommandLine } from '../../src/cli/command-line.js'

export interface Run {
  readonly exitCode: number
  readonly out: string
  readonly err: string
}

export interface RunSetting {
  /** What is piped in. */
  readonly input?: string | AsyncIterable<Uint8Array | string>
  readonly isWatched?: boolean
  readonly interrupted?: AbortSignal
}

export async function runWith(setting: RunSetting, ...words: readonly string[]): Promise<Run> {
  const { input = '', isWatched = false, interrupted = new AbortController().signal } = setting
  let out = ''
  let err = ''
  const exitCode = await runCommandLine(words, {
    print: (text) => {
      out += text
    },
    printError: (text) => {
      err += text
    },
    input: typeof input === 'string' ? once(input) : input,
    isWatched,
    untilInterrupted: () => interrupted,
  })
  return { exitCode, out, err }
}

export function run(...words: readonly string[]): Promise<Run> {
  return runWith({}, ...words)
}

async function* once(text: string): AsyncGenerator<string> {
  yield text
}
