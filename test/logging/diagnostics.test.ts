import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, it, onTestFinished } from 'vitest'
import { type BouncerOptions, createBouncer, type DecisionSink, type RequestReader } from '../../src/index.js'
import { memoryLogger } from '../server/service.js'
import { decision, listSource } from '../source-of-decisions.js'

const reader: RequestReader<string> = {
  address: (address) => address,
  peer: () => undefined,
  header: () => undefined,
  method: () => 'GET',
  path: () => '/',
  proxyTrust: () => 'some',
  proxySettings: '',
}

function listen(name: string): unknown[] {
  const messages: unknown[] = []
  const onMessage = (message: unknown) => void messages.push(message)
  subscribe(name, onMessage)
  onTestFinished(() => void unsubscribe(name, onMessage))
  return messages
}

async function start(options: BouncerOptions) {
  const bouncer = createBouncer({ startTimeout: 100, ...options })
  onTestFinished(() => bouncer.stop())
  await bouncer.start()
  return bouncer
}

it('crowdsec-bouncer:verdict has every verdict, of check and of a gate', async () => {
  const messages = listen('crowdsec-bouncer:verdict')
  const bouncer = await start({ sources: [listSource([decision()])] })
  bouncer.check('1.2.3.4')
  bouncer.check('9.9.9.9')
  const gate = bouncer.gate<string>(reader)
  await gate.enter('8.8.8.8')
  expect(messages).toEqual([
    { address: '1.2.3.4', verdict: expect.objectContaining({ action: 'ban' }) },
    { address: '9.9.9.9', verdict: { action: 'allow', decision: null } },
    { address: '8.8.8.8', verdict: { action: 'allow', decision: null } },
  ])
})

it('crowdsec-bouncer:sync has every delivery', async () => {
  const messages = listen('crowdsec-bouncer:sync')
  await start({ sources: [listSource([decision(), decision({ value: 'bad' })])] })
  expect(messages).toEqual([
    { source: 'list', kind: 'replaced', held: 1, added: 1, removed: 0, skipped: 1, milliseconds: expect.any(Number) },
  ])
})

it('failures in a gate do not flood the log', async () => {
  const logger = memoryLogger()
  const exclude = () => {
    throw new Error('bug')
  }
  const bouncer = await start({ sources: [listSource([])], exclude, logger })
  const gate = bouncer.gate<string>(reader)
  for (let i = 0; i < 1000; i++) await gate.enter('1.2.3.4')
  await bouncer.stop()
  const lines = logger.lines.filter((line) => line.includes('judge'))
  expect(lines).toHaveLength(11)
  expect(lines.at(-1)).toMatch(/^990 more failures/)
})

it('crowdsec-bouncer:error has what failed, in a source or in a gate', async () => {
  const messages = listen('crowdsec-bouncer:error')
  const down = new Error('down')
  const bug = new Error('bug')
  const source = { name: 'own', start: (sink: DecisionSink) => sink.failed(down), stop() {} }
  const exclude = () => {
    throw bug
  }
  const bouncer = await start({ sources: [source], exclude })
  const gate = bouncer.gate<string>(reader)
  expect(await gate.enter('1.2.3.4')).toMatchObject({ answer: null })
  expect(messages).toEqual([
    { error: down, source: 'own' },
    { error: expect.objectContaining({ cause: bug }), source: null },
  ])
})
