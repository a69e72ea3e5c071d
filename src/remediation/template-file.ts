/**
 * A template in a file, read at start and read again when it changes. It is looked at only while pages are shown, once a second
 * at most and without making anybody wait, so that there is no timer to stop. What cannot be read leaves the last good page.
 */

import { readFileSync, statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { BouncerError } from '../errors.js'
import type { Logger } from '../logger.js'
import { PageTemplate } from './page-template.js'

/** Milliseconds between two looks. */
const INTERVAL = 1000

interface FileTimes {
  readonly mtimeMs: number
  readonly size: number
  readonly ino: number
}

export class TemplateFile {
  readonly #path: string
  readonly #logger: Logger
  #template: PageTemplate
  #times: FileTimes
  #nextLook = performance.now() + INTERVAL
  #isFailing = false

  /** Throws `ERR_CSB_CONFIG`, naming the option. */
  constructor(path: string, logger: Logger) {
    this.#path = path
    this.#logger = logger
    try {
      this.#times = statSync(path) // before the file is read: what changes in between is seen at the next look
      this.#template = compiled(readFileSync(path, 'utf8'))
    } catch (cause) {
      const message = `banTemplatePath: expected the path of an HTML file, got ${path} (${reasonOf(cause)})`
      throw new BouncerError('ERR_CSB_CONFIG', message, { cause })
    }
  }

  /** The page as it was at the last look. */
  get template(): PageTemplate {
    const now = performance.now()
    if (now >= this.#nextLook) {
      this.#nextLook = now + INTERVAL
      void this.#look()
    }
    return this.#template
  }

  async #look(): Promise<void> {
    try {
      const times = await stat(this.#path)
      if (!this.#isFailing && isSame(times, this.#times)) return
      this.#template = compiled(await readFile(this.#path, 'utf8'))
      this.#times = times
      this.#isFailing = false
      this.#logger.info(`banTemplatePath ${this.#path}: read again`)
    } catch (error) {
      if (!this.#isFailing) {
        this.#logger.warn(`banTemplatePath ${this.#path}: ${reasonOf(error)}; the page stays as it was`)
      }
      this.#isFailing = true
    }
  }
}

function isSame(one: FileTimes, other: FileTimes): boolean {
  return one.mtimeMs === other.mtimeMs && one.size === other.size && one.ino === other.ino
}

/** An empty file is one that somebody is writing. */
function compiled(text: string): PageTemplate {
  if (text.trim() === '') throw new Error('is empty')
  return new PageTemplate(text.replace(/^\ufeff/, ''))
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error ? `cannot be read: ${String(error.code)}` : error.message
}
