/**
 * The file of a SQLite database. It is closed to all the world, since it holds passwords and tokens; a group that may read it still
 * may. And it is known by its inode: SQLite goes on writing to a file that was deleted, and nobody would ever find that again.
 */

import { type BigIntStats, rmSync, statSync } from 'node:fs'
import { chmod, open, stat } from 'node:fs/promises'

export class SqliteFile {
  readonly #path: string
  #identity = ''
  /** Of the write-ahead log and its index, once they are there. */
  #logIdentity: string | null = null

  constructor(path: string) {
    this.#path = path
  }

  /**
   * Makes it where there is none, and changes nothing where there is one: it may be something else's. Only a file: opening a pipe
   * would never end.
   */
  async prepare(): Promise<void> {
    const known = await stat(this.#path).catch(() => null)
    if (known !== null && !known.isFile()) throw new Error('it is no file')
    const file = await open(this.#path, 'a', 0o600)
    try {
      this.#identity = identityOf(await file.stat({ bigint: true }))
    } finally {
      await file.close()
    }
  }

  /** Closes it to all the world, and its log with it: SQLite gives -wal and -shm the mode that the database has when it makes them. */
  async protect(): Promise<void> {
    for (const path of [this.#path, ...this.#logPaths()]) {
      const status = await stat(path).catch(() => null)
      // Only a file: run as root, this would take /dev/null away from everybody else.
      if (status?.isFile() && (status.mode & 0o007) !== 0) await chmod(path, status.mode & 0o770)
    }
  }

  /** What became of the file that was prepared; null where it is in its place, as far as can be seen. Some microseconds. */
  lost(): string | null {
    const status = statusOf(this.#path)
    if (status === undefined) return 'the file was deleted or moved away while it was in use'
    if (status !== null && identityOf(status) !== this.#identity) {
      return 'the file was replaced by another one while it was in use'
    }
    this.#logIdentity ??= this.#identityOfLog()
    return null
  }

  /**
   * Takes the log of a lost file away. Whoever opens the path anew would find it by its name and share its index with processes that
   * have not noticed yet. Another one, of a new file, is left alone.
   */
  removeLog(): void {
    if (this.#logIdentity === null || this.#identityOfLog() !== this.#logIdentity) return
    for (const path of this.#logPaths()) rmSync(path, { force: true }) // another process may be as quick
  }

  /** Null where one of them is missing. */
  #identityOfLog(): string | null {
    const statuses = this.#logPaths().map(statusOf)
    const seen = statuses.filter((status) => status !== null && status !== undefined)
    return seen.length === statuses.length ? seen.map(identityOf).join(' ') : null
  }

  #logPaths(): readonly string[] {
    return [`${this.#path}-wal`, `${this.#path}-shm`]
  }
}

/** Undefined: there is none. Null: it cannot be seen, which is no reason to give up one that is open. */
function statusOf(path: string): BigIntStats | undefined | null {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false })
  } catch {
    return null
  }
}

function identityOf({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${dev}:${ino}`
}
