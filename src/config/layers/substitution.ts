/** `${VAR}` and `${VAR:-default}` in the values of a configuration file. `$${` stands for a plain `${`. */

/** The value with its variables filled in, or why that cannot be done. */
export type Substituted = { readonly value: unknown } | { readonly problem: string }

const reference = /\$\$\{|\$\{([^}]*)\}?/g
const referenceContent = /^([A-Za-z_]\w*)(?::-(.*))?$/s

/** As in a shell, the default answers for a variable that is not set or empty. Looks into lists and objects, not into keys. */
export function substitute(value: unknown, environment: NodeJS.ProcessEnv): Substituted {
  if (typeof value === 'string') return substituteText(value, environment)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return substituteObject(value, environment)
  if (!Array.isArray(value)) return { value }
  const items = value.map((item) => substitute(item, environment))
  const failed = items.find((item) => 'problem' in item)
  return failed ?? { value: items.map((item) => ('value' in item ? item.value : undefined)) }
}

function substituteObject(value: object, environment: NodeJS.ProcessEnv): Substituted {
  const substituted = substitute(Object.values(value), environment)
  if ('problem' in substituted) return substituted
  const values = substituted.value as readonly unknown[]
  return { value: Object.fromEntries(Object.keys(value).map((key, index) => [key, values[index]])) }
}

function substituteText(text: string, environment: NodeJS.ProcessEnv): Substituted {
  const problems: string[] = []
  const value = text.replace(reference, (whole, content: string | undefined) => {
    if (content === undefined) return '${'
    const [, name = '', fallback] = (whole.endsWith('}') && referenceContent.exec(content)) || []
    if (name === '') {
      problems.push(`expected \${VAR} or \${VAR:-default}; write $\${ for a plain \${`)
      return ''
    }
    const set = environment[name]
    if (fallback !== undefined) return set === undefined || set === '' ? fallback : set
    if (set === undefined)
      problems.push(`the environment variable ${name} is not set; \${${name}:-default} gives a default`)
    return set ?? ''
  })
  const [problem] = problems
  return problem === undefined ? { value } : { problem }
}
