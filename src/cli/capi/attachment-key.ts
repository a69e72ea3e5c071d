/** Where `capi enroll` gets the attachment key, which is a secret: everybody on the machine can see what stands on a command line. */

import { Secret } from '../../config/kinds/secret.js'
import { attachmentKeyVariable } from '../../config/layers/environment-layer.js'
import { readSecretFile } from '../../config/layers/secret-file.js'
import { BouncerError } from '../../errors.js'
import type { CommandContext } from '../command-context.js'

/** The longest that is read from a pipe. A key has about 25 characters. */
const LONGEST = 4096

/** The argument (`-`: standard input), else the file, else the environment. Throws `ERR_CSB_CONFIG`. */
export async function readAttachmentKey(
  argument: string | undefined,
  file: string | undefined,
  { input }: Pick<CommandContext, 'input'>,
): Promise<Secret> {
  if (argument !== undefined && file !== undefined) {
    throw new BouncerError('ERR_CSB_CONFIG', 'the key and --key-file both say what the key is; leave one away')
  }
  if (file !== undefined) {
    const read = readSecretFile(file)
    if ('problem' in read) throw new BouncerError('ERR_CSB_CONFIG', `--key-file: ${file} ${read.problem}`)
    return new Secret(read.text)
  }
  const text = argument === '-' ? await readText(input) : (argument ?? process.env[attachmentKeyVariable] ?? '')
  const key = text.trim()
  if (key !== '') return new Secret(key)
  const ways = `--key-file FILE, ${attachmentKeyVariable}, or - for standard input`
  throw new BouncerError('ERR_CSB_CONFIG', `expected the attachment key of the console, by ${ways}; got nothing`)
}

async function readText(input: CommandContext['input']): Promise<string> {
  let text = ''
  for await (const chunk of input) {
    text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
    if (text.length > LONGEST) throw new BouncerError('ERR_CSB_CONFIG', 'standard input is too long for a key')
  }
  return text
}
