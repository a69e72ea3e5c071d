/**
 * Tells when a file has become another one, and has been the same for two looks: what is still being written is not whole.
 * It looks at the file's times rather than listening for events: that works for editors that put a new file in the old one's place, on
 * network drives and in mounted volumes. The first look is over before the caller reads, which Node's own `watchFile` does not
 * promise: a file replaced between its first look and the read stayed unread.
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
  /** What the caller has read, as far as we know. */
  #told = ''
  #isStopped = false

  constructor(options: FileWatchOptions) {
    this.#options = options
  }

  /** Resolves after the first look; what is read after that is either what was seen, or is told as changed. Never rejects. */
  async start(): Promise<void> {
    this.#seen = await stampOf(this.#options.path)
    this.#told = this.#seen
    this.#lookLater()
  }

  /** What was told could not be read: unless there was no file, the next look tells of it again. */
  forget(): void {
    if (this.#told !== '') this.#told = 'unread'
  }

  stop(): void {
    this.#isStopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  // One look after the other: on a drive that hangs they would pile up.
  #lookLater(): void {
    if (this.#isStopped) return
    this.#timer = setTimeout(() => void this.#look(), this.#options.interval)
    this.#timer.unref()
  }

  async #look(): Promise<void> {
    const now = await stampOf(this.#options.path)
    if (this.#isStopped) return
    const isSettled = now === this.#seen
    this.#seen = now
    if (isSettled && now !== this.#told) {
      this.#told = now
      this.#options.changed()
    }
    this.#lookLater()
  }
}

/** What changes when the file does; empty where there is none that can be looked at. */
export async function stampOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}` // only the last tells of another mode, and of a copy with its old times
  } catch {
    return ''
  }
}
