/** Whether a value is a promise, by its shape: a test environment or another realm has a class of its own. */

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
