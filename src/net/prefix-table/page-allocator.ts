/**
 * The one place that makes the table's memory: typed arrays off the JS heap, counted. Everything in the prefix table and in
 * the decision rows lives in such pages, so that putting them into a SharedArrayBuffer later is a change of one line.
 */
export class PageAllocator {
  /** Bytes handed out and not yet given back. */
  bytes = 0

  /** A page of `words` zeros. */
  allocate(words: number): Int32Array {
    const page = new Int32Array(words)
    this.bytes += page.byteLength
    return page
  }

  /** Counts a page that came from elsewhere, such as a snapshot. */
  adopt(page: Int32Array): Int32Array {
    this.bytes += page.byteLength
    return page
  }

  /** Tells that nothing refers to the page any more; the garbage collector does the rest. */
  release(page: Int32Array): void {
    this.bytes -= page.byteLength
  }
}
