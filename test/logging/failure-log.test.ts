import { expect, it } from 'vitest'
import { BouncerError } from '../../src/errors.js'
import { FailureLog } from '../../src/failure-log.js'

function heard() {
  const lines: string[] = []
  const at = (level: string) => (line: string) => void lines.push(`${level} ${line}`)
  return { lines, logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } }
}

it('tells each reason once, also where two of them alternate, until all is well again', () => {
  const { lines, logger } = heard()
  const log = new FailureLog(logger, 'warn')
  for (const reason of ['refused', 'paused', 'refused', 'paused']) log.failed(new Error(reason), reason)
  log.recovered('well')
  log.recovered('well')
  log.failed(new Error('refused'), 'refused')
  expect(lines).toEqual(['warn refused', 'warn paused', 'debug refused', 'debug paused', 'info well', 'warn refused'])
})

it('knows a repetition by its reason, whatever the message tells beside it', () => {
  const { lines, logger } = heard()
  const log = new FailureLog(logger, 'error')
  for (const time of [1, 2]) {
    const message = `until ${time}: refused`
    log.failed(new BouncerError('ERR_CSB_CAPI_BLOCKED', message, { reason: 'refused' }), message)
  }
  expect(lines).toEqual(['error until 1: refused', 'debug until 2: refused'])
})

it('tells those with another reason each time, and does not remember all of them', () => {
  const { lines, logger } = heard()
  const log = new FailureLog(logger, 'warn')
  for (let i = 0; i < 1000; i++) log.failed(new Error(`reason ${i}`), 'line')
  expect(lines).toEqual(Array(1000).fill('warn line'))
})
