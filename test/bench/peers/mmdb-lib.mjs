import { Reader } from 'mmdb-lib'
import { writeMmdb } from './mmdb-file.mjs'

export const name = 'mmdb-lib'
export const note = 'static file'

export function build(decisions, actions) {
  const reader = new Reader(writeMmdb(decisions, actions))
  return (text) => (reader.get(text) === null ? 0 : 1)
}
