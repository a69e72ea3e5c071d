/** A source for tests: states a list once. */

import type { Source, WireDecision } from '../src/index.js'

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
