/**
 * Tells when a file is another one than at the last look. It looks at the file's times rather than listening for events: that works for
 * editors that put a new file in the old one's place, on network drives and in mounted volumes. The first look is over before the
 * caller reads, which Node's own `watchFile` does not promise: a file replaced between its first look and the read stayed unread.
 */

import { stat } from 'node:fs/promises'

export interface FileWatchOptions {
  readonly path: string
  /** Milliseconds between looks. */
  readonly interval: number
  readonly changed: () => void
}

export class FileWatch {
  readonly #options: FileWatchOptions
  #timer: NodeJS.Timeout | null = null
  #seen = ''
  #state: 'new' | 'watching' | 'stopped' = 'new'

  constructor(options: FileWatchOptions) {
    this.#options = options
  }

  /** Resolves after the first look; what is read after that is either what was seen, or is told as changed. Never rejects. */
  async start(): Promise<void> {
    this.#state = 'watching'
    this.#seen = await lookAt(this.#options.path)
    this.#lookLater()
  }

  stop(): void {
    this.#state = 'stopped'
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  // One look after the other: on a drive that hangs they would pile up.
  #lookLater(): void {
    if (this.#state !== 'watching') return
    this.#timer = setTimeout(() => void this.#look(), this.#options.interval)
    this.#timer.unref()
  }

  async #look(): Promise<void> {
    const now = await lookAt(this.#options.path)
    if (this.#state !== 'watching') return
    if (now !== this.#seen) {
      this.#seen = now
      this.#options.changed()
    }
    this.#lookLater()
  }
}

/** What changes when the file does; empty when there is none that can be looked at. */
async function lookAt(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true })
    return `${ino} ${size} ${mtimeNs}`
  } catch {
    return ''
  }
}
