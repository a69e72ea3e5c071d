/** The options that may differ from route to route, where several faces share one bouncer. */

import { codeLayer } from './layers/code-layer.js'
import type { BouncerOptions, OptionName } from './options/options.js'
import { allOptions } from './options/options.js'
import type { ResolvedOptions } from './parse-options.js'
import { issueSentence, throwProblems } from './problems/problem.js'
import { limitProblems } from './problems/remediation-limit.js'

const routeOptionNames = [
  'trustedProxies',
  'clientAddressHeader',
  'excludePaths',
  'excludeMethods',
  'exclude',
  'identify',
  'dryRun',
  'maxRemediation',
  'remediationFallback',
  'banReturnCode',
  'banTemplatePath',
  'banRedirect',
  'banAnswer',
  'retryAfter',
] as const satisfies readonly OptionName[]

type RouteOptionName = (typeof routeOptionNames)[number]

/** What a route works with. */
export type RouteOptions = Pick<ResolvedOptions, RouteOptionName>

/** What may be given for a route. */
export type RouteOverrides = Pick<BouncerOptions, RouteOptionName>

/** The bouncer's own options, with a route's in their place. Throws `ERR_CSB_CONFIG`. */
export function withOverrides(options: ResolvedOptions, overrides: RouteOverrides): RouteOptions {
  const problems: string[] = []
  const layer = codeLayer(overrides)
  problems.push(...layer.problems)
  const result: Record<string, unknown> = { ...options }
  for (const [name, { value, written }] of layer.given) {
    if (!routeOptionNames.some((one) => one === name)) problems.push(`${written}: cannot differ from route to route`)
    const parsed = allOptions.shape[name].safeParse(value)
    if (parsed.success) result[name] = parsed.data
    else
      problems.push(
        ...parsed.error.issues.map((issue) =>
          issueSentence({ ...issue, path: [name, ...issue.path] }, name, written, value),
        ),
      )
  }
  const { maxRemediation = options.maxRemediation } = overrides
  problems.push(...limitProblems({ ...options, maxRemediation }, 'maxRemediation'))
  throwProblems(problems)
  return result as unknown as RouteOptions
}
