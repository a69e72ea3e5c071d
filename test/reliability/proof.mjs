/** What must hold after the run. Nothing here is taken from what the client says of itself, but for what it claims to hold. */

import { isDeepStrictEqual } from 'node:util'
import { MACHINES, signalsOf } from './signals.mjs'

/** `wrong`: a sentence for each promise that was broken. */
export function judge({ signals, seed, capi, children, chunk }) {
  const wrong = []
  const expect = (holds, sentence) => {
    if (!holds) wrong.push(sentence)
  }
  const arrivals = arrivalsOf(capi)
  const { lost, changed } = compare(signals, seed, capi)
  expect(lost === 0, `${lost} signals were lost`)
  expect(changed === 0, `${changed} signals arrived with other content`)
  expect(arrivals.size === signals - lost, `${arrivals.size} different uuids arrived, of ${signals} that were stored`)

  // Of all arrivals of a uuid only the last may have been answered well.
  const again = [...arrivals.values()].flatMap((pushes) => pushes.slice(0, -1))
  const needless = again.filter(({ isBroken }) => !isBroken).length
  expect(needless === 0, `${needless} signals were sent again although their push was answered and marked`)
  const broken = capi.pushes.filter(({ isBroken, uuids }) => isBroken && uuids.length > 0)
  const most = broken.reduce((sum, { uuids }) => sum + uuids.length, 0)
  const { length: duplicates } = capi.duplicates()
  expect(duplicates === again.length, `${duplicates} duplicates at CAPI, ${again.length} by the account of pushes`)
  expect(duplicates <= most, `${duplicates} duplicates, and only ${most} signals were in flight when something broke`)

  wrong.push(...wrongOfProcesses(children, signals, chunk))
  expect(capi.machines().length === MACHINES.length, `${capi.machines().length} machines at CAPI`)
  return { arrived: arrivals.size, lost, duplicates, pushesBroken: broken.length, duplicatesAtMost: most, wrong }
}

/** The pushes that brought each uuid. */
function arrivalsOf(capi) {
  const arrivals = new Map()
  for (const push of capi.pushes) {
    for (const uuid of push.uuids) {
      const pushes = arrivals.get(uuid)
      if (pushes === undefined) arrivals.set(uuid, [push])
      else pushes.push(push)
    }
  }
  return arrivals
}

function compare(signals, seed, capi) {
  let lost = 0
  let changed = 0
  for (const signal of signalsOf(seed, 0, signals)) {
    const received = capi.signalsOf(signal.uuid)
    if (received.length === 0) lost++
    if (received.some((one) => !isDeepStrictEqual(one.signal, plain(signal)))) changed++
  }
  return { lost, changed }
}

/** As JSON has it: without what is undefined. */
function plain(signal) {
  return JSON.parse(JSON.stringify(signal))
}

function* wrongOfProcesses(children, signals, chunk) {
  const ends = children.map(({ end }) => end).join(', ')
  if (ends !== 'SIGKILL, SIGKILL, SIGKILL, ended') yield `the processes ended by ${ends}`
  const lastWords = children.map(({ child }) => child.heard.at(-1)?.told ?? 'nothing')
  if (lastWords[0] !== 'frozen in mid-add') yield `the first process was killed after "${lastWords[0]}"`
  if (lastWords[1] !== 'frozen before the mark') yield `the second process was killed after "${lastWords[1]}"`
  const [first, second, , last] = children
  if (first.child.line('opened').counts.queued !== 0) yield 'the storage was not empty'
  // The interrupted transaction is there as a whole or not at all; what was acknowledged is there.
  const { queued } = second.child.line('opened').counts
  const interrupted = queued - second.acknowledgedBefore
  if (interrupted !== 0 && interrupted !== chunk) {
    yield `${second.acknowledgedBefore} signals were acknowledged before the first kill, and ${queued} were found after it`
  }
  const known = second.child.line('added')?.known
  if (known !== chunk) yield `of ${chunk} signals that were stored again ${known} were known`
  const { counts } = last.child.line('done') ?? {}
  if (counts?.queued !== 0 || counts?.sent !== 0 || counts?.quarantined !== 0) {
    yield `of ${signals} signals the outbox still has ${JSON.stringify(counts)}`
  }
}
