/**
 * How the structures of a store are saved and read back: as a sequence of blocks of 32-bit words, each structure taking the
 * blocks that it gave, in the same order. Pages go out and come in as they are, so that a million decisions take the time of
 * a file of their size, and no more.
 */

/** Gives the next block. Rejects where there is none. */
export type TakeBlock = () => Promise<Int32Array>

/** A structure that can be saved. While the blocks are drawn it must not change. */
export interface Saved {
  blocks(): Iterable<Int32Array>
  /** Replaces the contents of a fresh structure. */
  restore(take: TakeBlock): Promise<void>
}
