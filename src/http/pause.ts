/** A wait between two tries. */

/** Resolves after so many milliseconds, or as soon as the signal is aborted; never rejects. */
export type PauseFor = (milliseconds: number, signal: AbortSignal) => Promise<void>

/** Keeps the process alive, unlike other timers here: a command that waits for its next try has nothing else that would. */
export const pauseFor: PauseFor = (milliseconds, signal) => pause(milliseconds, signal, 'keeps the process alive')

/** The same for a bouncer, of which nothing does. */
export const pauseInBackground: PauseFor = (milliseconds, signal) => pause(milliseconds, signal, 'in the background')

function pause(
  milliseconds: number,
  signal: AbortSignal,
  how: 'keeps the process alive' | 'in the background',
): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
      return
    }
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, milliseconds)
    if (how === 'in the background') timer.unref()
    signal.addEventListener('abort', end, { once: true })
  })
}
