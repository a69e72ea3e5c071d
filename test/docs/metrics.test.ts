import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { createBouncer } from '../../src/index.js'
import { listSource } from '../source-of-decisions.js'

const page = readFileSync(resolve(import.meta.dirname, '../../docs/metrics.md'), 'utf8')

it('docs/metrics.md has each metric of the registry, with its type and labels, and no other', async () => {
  const bouncer = createBouncer({
    sources: [listSource([])],
    report: true,
    capiScenarios: ['me/x'],
    capiStorage: 'memory',
  })
  const rows = [...page.matchAll(/^\| `(crowdsec_bouncer_\w+)` \| (\w+) \| (.*?) \|/gm)].map(
    ([, name, type, labels]) => ({
      name,
      type,
      labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label),
    }),
  )
  const registered = bouncer.registry.getMetricsAsArray().map((metric) => ({
    name: metric.name,
    // Of prom-client's own; its types leave both out.
    type: metric.constructor.name.toLowerCase(),
    labels: [...(Reflect.get(metric, 'labelNames') as string[])],
  }))
  expect(registered.length).toBeGreaterThan(5)
  const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name)
  expect(rows.sort(byName)).toEqual(registered.sort(byName))
})

it('its alerts are YAML and use metrics that exist', () => {
  const rules = parse(/^```yaml\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? '').groups[0].rules as { expr: string }[]
  expect(rules).toHaveLength(3)
  const used = rules.flatMap(({ expr }) => expr.match(/crowdsec_bouncer_\w+/g) ?? [])
  expect(used).toHaveLength(3)
  // These are read when they change, and every two hours.
  expect(rules.filter(({ expr }) => /last_sync_age\S*{source(!~"file\|capi"|="capi")} >/.test(expr))).toHaveLength(2)
  for (const name of used) expect(page).toContain(`| \`${name}\` |`)
})
