/** What this machine runs, as the LAPI's usage metrics name it: `debian` and `12`. */

import { readFileSync } from 'node:fs'
import { release, type } from 'node:os'

export interface OperatingSystem {
  readonly name: string
  readonly version: string
}

/** The distribution where there is one; otherwise what the kernel calls itself. */
export function operatingSystem(file = '/etc/os-release'): OperatingSystem {
  const fields = fieldsOf(file)
  const name = fields.get('ID')
  if (name === undefined) return { name: type().toLowerCase(), version: release() }
  // Rolling distributions have no version.
  return { name, version: fields.get('VERSION_ID') ?? fields.get('BUILD_ID') ?? '' }
}

function fieldsOf(file: string): ReadonlyMap<string, string> {
  try {
    const lines = readFileSync(file, 'utf8').matchAll(/^([A-Z_]+)=(["']?)(.*)\2$/gm)
    return new Map(Array.from(lines, ([, name, , value]) => [name, value.slice(0, 255)]))
  } catch {
    return new Map() // no Linux, or one without that file
  }
}
