/** The kinds of value that only options about requests hold, as zod schemas. */

import { accessSync, constants, statSync } from 'node:fs'
import { z } from 'zod'
import { systemCodeOf } from '../../thrown.js'
import { filePath, refuse, textList } from './option-kinds.js'

/** Paths without a query, each below a slash. */
export const pathList = textList.superRefine((paths, context) => {
  for (const [index, path] of paths.entries()) {
    const why = whyNoPath(path)
    if (why !== null) refuse(context, { path: [index], input: path, why })
  }
})

function whyNoPath(path: string): string | null {
  if (!path.startsWith('/')) return 'it does not begin with a slash'
  if (path === '/') return 'every path is below it'
  return /[?#]/.test(path) ? 'only the path of a request is looked at, not what follows it' : null
}

/** To upper case, which is how methods come. */
export const methodList = textList.transform((methods) => methods.map((method) => method.toUpperCase()))

/** To a URL that fits into a header. */
export const redirectUrl = z.string().transform((value, context): string => {
  const url = URL.canParse(value) ? new URL(value) : null
  if (url !== null && /^https?:$/.test(url.protocol)) return url.href
  refuse(context, { input: value })
  return z.NEVER
})

/** A file that is there, and that this process may read. */
export const readableFile = filePath.superRefine((path, context) => {
  try {
    accessSync(path, constants.R_OK)
    if (!statSync(path).isFile()) refuse(context, { input: path, why: 'it is no file' })
  } catch (error) {
    const code = systemCodeOf(error) ?? 'unknown error'
    refuse(context, { input: path, why: `it cannot be read: ${code}` })
  }
})
