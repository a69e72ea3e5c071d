/** Sources for tests: one that states a list once, and one that is told what to state. */

import type { DecisionSink, Source, WireDecision } from '../src/index.js'

export function decision(over: Partial<WireDecision> = {}): WireDecision {
  return {
    id: 1,
    origin: 'cscli',
    type: 'ban',
    scope: 'Ip',
    value: '1.2.3.4',
    duration: '4h',
    scenario: 'ssh-bf',
    ...over,
  }
}

export function listSource(decisions: Iterable<WireDecision>, name = 'list'): Source {
  return {
    name,
    async start(sink) {
      await sink.replaceAll(decisions)
    },
    stop() {},
  }
}

/** Delivers what the test tells its sink, which is there when the source has started. */
export function toldSource(readyAfter: 'replaceAll' | 'any success' = 'replaceAll') {
  let start: Source['start'] = () => {}
  const sink = new Promise<DecisionSink>((resolve) => {
    start = resolve
  })
  const source: Source = { name: 'list', readyAfter, start, stop() {} }
  return { source, sink }
}
