/** Debian's Chromium, driven by playwright-core. Installed if it is missing, which needs apt-get and root. */

import { execFile } from 'node:child_process'
import { access, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core'

const PATH = '/usr/bin/chromium'
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const run = promisify(execFile)

/** A browser with a profile of its own, which `close` removes. */
export interface Chromium {
  readonly context: BrowserContext
  close(): Promise<void>
}

export async function openChromium(options: BrowserContextOptions = {}): Promise<Chromium> {
  await install()
  const profile = await mkdtemp(join(tmpdir(), 'bouncer-chromium-'))
  const context = await chromium.launchPersistentContext(profile, {
    ...options,
    executablePath: PATH,
    headless: true,
    args: FLAGS,
  })
  return {
    context,
    async close() {
      await context.close()
      await rm(profile, { recursive: true, force: true })
    },
  }
}

async function install(): Promise<void> {
  const isThere = await access(PATH).then(
    () => true,
    () => false,
  )
  if (isThere) return
  const arguments_ = ['install', '-y', '--no-install-recommends', 'chromium']
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  // The package lists may be missing or older than the archive.
  await run('apt-get', arguments_, { env }).catch(async () => {
    await run('apt-get', ['update'], { env })
    await run('apt-get', arguments_, { env })
  })
}
