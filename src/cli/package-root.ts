/** Where this package is installed: its version and the files that come with it. */

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

// Looked for upwards, because the depth differs between the sources and what the compiler wrote from them.
function findRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory)
    if (parent === directory) throw new Error('package.json of crowdsec-bouncer is missing')
    directory = parent
  }
  return directory
}

const root = findRoot()

/** The configuration that `serve` uses when it is given none. */
export const defaultConfigurationFile = join(root, 'examples', 'service', 'crowdsec-bouncer.yaml')

export function packageVersion(): string {
  const content: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const isPackage = typeof content === 'object' && content !== null && 'version' in content
  return isPackage ? String(content.version) : 'unknown'
}
