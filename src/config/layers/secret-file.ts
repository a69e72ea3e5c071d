/** A secret in a file of its own, as Docker, Kubernetes and systemd hand them in. */

import { readFileSync } from 'node:fs'
import { systemCodeOf } from '../../thrown.js'

/** Without the line end that an editor leaves. Synchronous, because `createBouncer` validates at once. */
export function readSecretFile(path: string): { readonly text: string } | { readonly problem: string } {
  try {
    const text = readFileSync(path, 'utf8').trim()
    return text === '' ? { problem: 'is empty' } : { text }
  } catch (error) {
    const code = systemCodeOf(error) ?? 'unknown error'
    return { problem: `cannot be read (${code})` }
  }
}
