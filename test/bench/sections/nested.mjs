/** An address under eight ranges of different severity, against an address that only one decision names. */

import { ipv4Text, keepBits } from '../address-text.mjs'
import { expectExact } from '../correctness.mjs'
import { DecisionSet, makeDecisions, Queries } from '../data.mjs'
import { progress } from '../progress.mjs'
import { measureRounds } from '../rounds.mjs'
import { medianRatio } from '../statistics.mjs'
import { createBouncer, GivenSource } from '../subject.mjs'
import { atMost } from '../target.mjs'
import { countOf, nanoseconds } from '../text.mjs'

/** From 224.0.0.0 on, where the other decisions never are. */
const FIRST_NETWORK = 0xe000
const NESTS = 4000
const LENGTHS = [16, 18, 20, 22, 24, 26, 28, 30]
const TYPES = ['allow', ...LENGTHS.map((_, i) => `severity-${i + 1}`)]

export async function run({ medium, rounds, seed }) {
  progress('nested')
  const { decisions, random } = makeDecisions(medium, seed)
  const nests = new DecisionSet(NESTS * LENGTHS.length)
  const texts = []
  for (let nest = 0; nest < NESTS; nest++) {
    const address = ((FIRST_NETWORK + nest) << 16) | random.below(0x1_0000)
    const first = random.below(LENGTHS.length)
    LENGTHS.forEach((length, i) => {
      nests.add(4, length, [keepBits(address, length)], 1 + ((first + i * 3) % LENGTHS.length))
    })
    texts.push(ipv4Text(address))
  }
  const singles = []
  while (singles.length < NESTS) {
    const i = random.below(decisions.count)
    if (decisions.family[i] === 4 && decisions.isSingle(i)) singles.push(decisions.addressOf(i))
  }
  const source = new GivenSource(() => wiresOf(decisions, nests))
  const bouncer = createBouncer({ sources: [source], severityOrder: TYPES.slice(1), startTimeout: '10m' })
  await bouncer.start()

  const nested = new Queries(
    texts,
    texts.map(() => 1),
  )
  const single = new Queries(
    singles,
    singles.map(() => 1),
  )
  await expectExact('nested', nested, (text) => TYPES.indexOf(bouncer.check(text).action))
  await expectExact('single', single, (text) => (bouncer.check(text).decision?.value === text ? 1 : 0))

  const blocked = () => (text) => (bouncer.check(text).action === 'allow' ? 0 : 1)
  const times = await measureRounds(
    [
      { name: 'single', inputs: single, answer: blocked() },
      { name: 'nested', inputs: nested, answer: blocked() },
    ],
    rounds,
  )
  await bouncer.stop()
  const ratio = medianRatio(times.nested, times.single)
  const detail = `single hit ${nanoseconds(times.single)}, nested ${nanoseconds(times.nested)}; the most severe of 8 found in all ${countOf(NESTS)}`
  return [atMost('hit under 8 nested ranges', ratio, 3, 'x a single hit', detail)]
}

/** The common decisions as bans of the first severity, then the nests. */
function* wiresOf(decisions, nests) {
  for (let i = 0; i < decisions.count; i++) yield { ...decisions.wire(i), type: TYPES[1] }
  for (let i = 0; i < nests.count; i++) yield { ...nests.wire(i), type: TYPES[nests.action[i]] }
}
