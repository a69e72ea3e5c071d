/**
 * Programs of Debian packages without installing them: downloaded and unpacked below `.cache/` of the checkout, run from there.
 * Needs apt-get and dpkg-deb (Debian or Ubuntu). What cannot be had is an error that says so; nothing is skipped.
 */

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const cache = fileURLToPath(new URL('../../.cache/', import.meta.url))

/** A program that can be started: its path, and the environment that it needs. */
export interface Program {
  readonly path: string
  readonly env: NodeJS.ProcessEnv
}

/** Where a program is found. */
export interface ProgramSource {
  readonly package: string
  /** Path inside the package, such as `usr/bin/crowdsec`. */
  readonly file: string
  /** Arguments with which it ends at once with status 0, to see that it runs. */
  readonly probe: readonly string[]
  /** Packages with shared libraries, unpacked only where the system lacks them. */
  readonly libraries: readonly string[]
}

export async function debianProgram(source: ProgramSource): Promise<Program> {
  const root = await unpacked(source.package)
  const bare: Program = { path: join(root, source.file), env: process.env }
  if (await runs(bare, source.probe)) return bare
  const folders: string[] = []
  for (const library of source.libraries) folders.push(...(await libraryFolders(await unpacked(library))))
  const program: Program = { path: bare.path, env: { ...process.env, LD_LIBRARY_PATH: folders.join(':') } }
  await run(program.path, [...source.probe], { env: program.env })
  return program
}

async function runs(program: Program, probe: readonly string[]): Promise<boolean> {
  return run(program.path, [...probe], { env: program.env }).then(
    () => true,
    () => false,
  )
}

/** The folder that a package was unpacked to. Several processes may ask at once: the first complete one wins. */
async function unpacked(name: string): Promise<string> {
  const root = join(cache, name)
  if (await exists(root)) return root
  await mkdir(cache, { recursive: true })
  const work = await mkdtemp(join(cache, `.${name}-`))
  try {
    await download(name, work)
    const archive = (await readdir(work)).find((file) => file.endsWith('.deb'))
    if (archive === undefined) throw new Error(`apt-get download ${name} left no .deb file`)
    const content = join(work, 'content')
    await run('dpkg-deb', ['-x', join(work, archive), content])
    await rename(content, root).catch(async (error: unknown) => {
      if (!(await exists(root))) throw error
    })
    return root
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function download(name: string, folder: string): Promise<void> {
  const get = () => run('apt-get', ['download', name], { cwd: folder, timeout: 120_000 })
  try {
    await get()
  } catch (first) {
    try {
      // The package lists may be missing or older than the archive.
      await run('apt-get', ['update'], { timeout: 120_000 })
      await get()
    } catch (second) {
      const why = second instanceof Error ? second.message : String(second)
      throw new Error(
        `the Debian package '${name}' cannot be downloaded with apt-get, which these tests need: ${why}`,
        {
          cause: first,
        },
      )
    }
  }
}

async function libraryFolders(root: string): Promise<string[]> {
  const files = await readdir(join(root, 'usr/lib'), { recursive: true, withFileTypes: true })
  return [...new Set(files.filter((file) => file.name.includes('.so')).map((file) => file.parentPath))]
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
