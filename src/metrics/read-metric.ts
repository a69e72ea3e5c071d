/** Metrics whose values are counted elsewhere and read when Prometheus asks. */

import { Counter, Gauge, type Registry } from 'prom-client'

export const METRIC_PREFIX = 'crowdsec_bouncer_'

/** Puts one value under its labels. */
export type SetValue = (labels: Record<string, string>, value: number) => void

export function readCounter(
  registry: Registry,
  name: string,
  help: string,
  labelNames: string[],
  read: (set: SetValue) => void,
): void {
  new Counter({
    name: METRIC_PREFIX + name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset()
      read((labels, value) => this.inc(labels, value))
    },
  })
}

/** `read` may have to wait; it never rejects. */
export function readGauge(
  registry: Registry,
  name: string,
  help: string,
  labelNames: string[],
  read: (set: SetValue) => void | Promise<void>,
): void {
  new Gauge({
    name: METRIC_PREFIX + name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset()
      if (labelNames.length === 0) this.remove() // without labels a reset says 0, and what is not known is not 0
      return read((labels, value) => this.set(labels, value))
    },
  })
}
