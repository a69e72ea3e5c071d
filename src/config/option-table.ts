/** `docs/options.md`, written from the schema, so that code and documentation cannot differ. */

import { inCode, inEnvironment, inFile } from './layers/spelling.js'
import { allOptions, infoOf, type OptionName, optionNames } from './options/options.js'

const introduction = `# Options

Written from the schemas in \`src/config/options/\`; run \`npm run docs:options\` after a change there.

The same options have three ways in: code (\`createBouncer\`, the middleware), a YAML file and the environment
(the check service). The first column gives the names in this order: file, code, environment. Option by option, the
environment wins over \`FILE.local\`, which wins over \`FILE\`, which wins over the default.

- Unknown options, values that an option does not take and options that contradict each other are one
  \`ERR_CSB_CONFIG\`, which lists them all.
- Durations: \`500ms\`, \`10s\`, \`1h30m\`, \`1d\`; a number counts milliseconds.
- Lists: a list, or one text with commas between the items.
- In files, \`\${VAR}\` and \`\${VAR:-default}\` stand for environment variables, and \`$\${\` for a plain \`\${\`.
  A key without a value counts as not given.
- Paths are relative to the file in which they stand; in code and in the environment to the working directory.
- An empty environment variable counts as not set.
- With \`api_key\` (or \`api_key_file\`, \`tls_cert_file\`, \`lapis\`) decisions come from the LAPI and \`decisions_file\` is
  not used. One of these or \`decisions_file\`, \`capi_pull\` or \`sources\` is required, unless \`mode\` is \`none\`.
- In files, \`tls: { cert_file: ... }\` is another way to write \`tls_cert_file: ...\`, and \`capi: { pull: ... }\` to write \`capi_pull: ...\`.
`

/** The page in Markdown. */
export function optionTable(): string {
  const groups = [
    ['For the library and the check service', 'everywhere'],
    ['Only in code', 'code'],
    ['Only for the check service', 'service'],
  ] as const
  const sections = groups.map(([title, place]) => {
    const rows = optionNames.filter((name) => infoOf(name).place === place).map(row)
    return `## ${title}\n\n| Option | Accepts | Default | Meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`
  })
  return `${introduction}\n${sections.join('\n')}`
}

function row(name: OptionName): string {
  const { accepts, meaning } = infoOf(name)
  return `| ${spellings(name).join('<br>')} | ${accepts} | ${defaultOf(name)} | ${meaning} |`
}

function spellings(name: OptionName): readonly string[] {
  const { place } = infoOf(name)
  const outsideCode = place === 'code' ? [] : [inFile(name), inEnvironment(name)]
  const all = place === 'service' ? outsideCode : [...outsideCode.slice(0, 1), inCode(name), ...outsideCode.slice(1)]
  return [...new Set(all)].map((spelling) => `\`${spelling}\``)
}

function defaultOf(name: OptionName): string {
  const { def } = allOptions.shape[name]
  if (!('defaultValue' in def)) return 'none'
  const value = def.defaultValue
  if (isEmptyObject(value)) return 'empty'
  if (!Array.isArray(value)) return `\`${String(value)}\``
  return value.length === 0 ? 'empty' : value.map((item) => `\`${String(item)}\``).join(', ')
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
