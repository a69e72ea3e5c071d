/** What `POST /v1/usage-metrics` of a current LAPI refuses. */

export interface MetricsAnswer {
  readonly status: 201 | 400 | 422
  readonly message: string
}

const bad = (message: string): MetricsAnswer => ({ status: 400, message })
const invalid = (message: string): MetricsAnswer => ({ status: 422, message })

/** Wrong JSON types are 400 as they do not unmarshal; missing required fields are 422. */
export function checkUsageMetrics(body: string): MetricsAnswer {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return bad('invalid JSON')
  }
  const components = isObject(parsed) ? parsed['remediation_components'] : undefined
  if (!Array.isArray(components) || components.length !== 1) return bad('exactly one remediation component is expected')
  const component: unknown = components[0]
  if (!isObject(component)) return bad('a remediation component must be an object')
  if (isWrong(component['feature_flags'], Array.isArray)) return bad('feature_flags must be an array')
  if (isWrong(component['metrics'], Array.isArray)) return bad('metrics must be an array')
  if (typeof component['version'] !== 'string') return invalid('version is required')
  if (!Number.isInteger(component['utc_startup_timestamp'])) return invalid('utc_startup_timestamp is required')
  const windows = Array.isArray(component['metrics']) ? component['metrics'] : []
  for (const window of windows) {
    const problem = windowProblem(window)
    if (problem !== null) return invalid(problem)
  }
  return { status: 201, message: '' }
}

function windowProblem(window: unknown): string | null {
  if (!isObject(window) || !Array.isArray(window['items']) || !isObject(window['meta']))
    return 'items and meta are required'
  const { window_size_seconds: size, utc_now_timestamp: at } = window['meta']
  if (!Number.isInteger(size) || !Number.isInteger(at)) return 'window_size_seconds and utc_now_timestamp are required'
  const items: readonly unknown[] = window['items']
  const good = items.every(
    (item) =>
      isObject(item) &&
      typeof item['name'] === 'string' &&
      typeof item['unit'] === 'string' &&
      typeof item['value'] === 'number',
  )
  return good ? null : 'name, value and unit are required'
}

function isWrong(value: unknown, test: (value: unknown) => boolean): boolean {
  return value !== undefined && value !== null && !test(value)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
