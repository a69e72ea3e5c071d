/**
 * Installs what we compare with, once and as locked; no script of those packages runs. Not `npm ci`: npm leaves the other
 * platforms' optional packages of tailwindcss out of the lock file, and then refuses it.
 */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { progress } from './progress.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))

export function installPeers() {
  if (existsSync(new URL('node_modules', import.meta.url))) return
  progress('installing the packages to compare with')
  const npm = spawnSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: here,
    stdio: ['ignore', 2, 2],
  })
  if (npm.status !== 0) throw new Error('npm install failed in test/bench')
}
