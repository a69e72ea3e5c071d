/** A file whose reading hangs, as on a network drive that is gone: a pipe that nobody writes to. */

import { execFileSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { temporaryDirectory } from './temporary-directory.js'

/** Its path. Whoever still reads it in the end finds it empty then. */
export function hangingFile(): string {
  const path = join(temporaryDirectory(), 'pipe')
  execFileSync('mkfifo', [path])
  onTestFinished(() => release(path))
  return path
}

/** Fills the threads that Node looks at files with, so that every look hangs until the function that is returned is called. */
export function hangingDrive(): () => void {
  const path = hangingFile()
  const threads = Number(process.env.UV_THREADPOOL_SIZE ?? 4)
  for (let i = 0; i < threads; i++) void open(path).then((file) => file.close())
  return () => release(path)
}

/** Opened for reading and writing a pipe does not wait for anybody. */
function release(path: string): void {
  closeSync(openSync(path, 'r+'))
}
