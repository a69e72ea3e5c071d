/** Child processes that get one message and answer with messages. */

import { fork } from 'node:child_process'
import { once } from 'node:events'

/** Starts a module, with a job unless that is null; `pin` keeps it on one core where the machine can do that. */
export function startChild(module, job, { pin, execArgv = [] } = {}) {
  const settings = {
    execArgv: ['--expose-gc', ...execArgv],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  }
  const path = new URL(module, import.meta.url)
  const child =
    pin === undefined
      ? fork(path, settings)
      : fork(path, {
          ...settings,
          execPath: 'taskset',
          execArgv: ['-c', String(pin), process.execPath, ...settings.execArgv],
        })
  process.once('exit', () => child.kill()) // whoever dies takes its children along
  if (job !== null) child.send(job)
  return child
}

/** The child's next message; an error that it tells, or its end, is thrown. */
export async function nextMessage(child) {
  const done = new AbortController()
  const message = once(child, 'message', { signal: done.signal }).then(([value]) => value)
  const end = once(child, 'exit', { signal: done.signal }).then(([code, signal]) => {
    throw new Error(`A child process ended early (${signal ?? code})`)
  })
  message.catch(() => {}) // the one that loses the race is aborted, which is no failure
  end.catch(() => {})
  try {
    const answer = await Promise.race([message, end])
    if (answer.error !== undefined) throw new Error(answer.error)
    return answer
  } finally {
    done.abort()
  }
}

/** Runs a module to its one answer. */
export async function runChild(module, job, options) {
  const child = startChild(module, job, options)
  try {
    return await nextMessage(child)
  } finally {
    child.kill()
  }
}
