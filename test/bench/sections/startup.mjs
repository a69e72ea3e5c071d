/** The pull of everything at the start, from a LAPI in another process, against fetch + JSON.parse + insert. */

import { nextMessage, runChild, startChild } from '../child.mjs'
import { progress } from '../progress.mjs'
import { median, medianRatio } from '../statistics.mjs'
import { atMost, shown } from '../target.mjs'
import { countOf, numberText } from '../text.mjs'

export async function run({ large, pulls, seed }) {
  progress(`startup: a LAPI with ${countOf(large)} decisions`)
  const server = startChild('load/lapi-server.mjs', { count: large, seed })
  const { url, bytes } = await nextMessage(server)
  const streamed = []
  const whole = []
  for (let pull = 0; pull < pulls; pull++) {
    progress(`round ${pull + 1} of ${pulls}`)
    streamed.push(await pullOnce(url, 'stream', large))
    whole.push(await pullOnce(url, 'whole', large))
  }
  server.kill()

  const seconds = (pullsOf) => pullsOf.map((pull) => pull.seconds)
  const block = Math.min(...streamed.map((pull) => pull.block))
  const idle = Math.min(...streamed.map((pull) => pull.idle))
  const rss = median(streamed.map((pull) => pull.rss))
  const ratio = medianRatio(seconds(streamed), seconds(whole))
  const sizes = `${countOf(large)} decisions, ${numberText(bytes / 1e6)} MB`
  const blocks = `longest ${numberText(block)} ms, idle loop ${numberText(idle)} ms; smallest of ${pulls}; JSON.parse ${numberText(Math.min(...whole.map((pull) => pull.block)))} ms`
  return [
    atMost('startup pull: longest block over the idle loop', block - idle, 10, 'ms', blocks),
    atMost(
      'startup pull: peak RSS',
      rss,
      200,
      'MB',
      `${sizes}; JSON.parse: ${numberText(median(whole.map((pull) => pull.rss)))} MB`,
    ),
    atMost(
      'startup pull: whole time',
      ratio,
      0.3,
      'x fetch + JSON.parse + insert',
      `${numberText(median(seconds(streamed)))} s, the other way ${numberText(median(seconds(whole)))} s`,
    ),
    shown('the bouncer, streaming', median(seconds(streamed)), 's', sizes, 'startup'),
    shown('fetch + JSON.parse + insert', median(seconds(whole)), 's', sizes, 'startup'),
  ]
}

async function pullOnce(url, way, count) {
  const pull = await runChild(
    'load/pull.mjs',
    { url, way },
    { execArgv: way === 'whole' ? ['--max-old-space-size=8192'] : [] },
  )
  if (pull.decisions !== count || pull.wrong > 0) {
    throw new Error(`${way}: ${pull.decisions} of ${count} decisions held, ${pull.wrong} wrong answers`)
  }
  return pull
}
