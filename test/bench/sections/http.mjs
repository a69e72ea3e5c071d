/** Whole HTTP requests: what the middleware adds to Express, and what the check service adds to node:http. CPU of the server. */

import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { nextMessage, startChild } from '../child.mjs'
import { makeDecisions, makeQueries } from '../data.mjs'
import { Oracle } from '../oracle.mjs'
import { progress } from '../progress.mjs'
import { median, medianRatio } from '../statistics.mjs'
import { atMost, shown } from '../target.mjs'
import { countOf, numberText } from '../text.mjs'

const BARE = 'express'
const READS_IP = 'express with req.ip read'
const OURS = 'express with crowdsec'
const PLAIN = 'node:http'
const SERVICE = 'check service'

export async function run({ medium, requests, httpRounds, seed }) {
  const canPin = availableParallelism() > 1 && spawnSync('taskset', ['-c', '0', 'true']).status === 0
  const client = startChild('load/http-client.mjs', null, pinned(canPin, 1))
  const checks = pathsToCheck(medium, seed)
  const job = { count: medium, seed }
  const express = await compare([BARE, READS_IP, OURS], ['/'], { client, canPin, job, requests, rounds: httpRounds })
  const service = await compare([PLAIN, SERVICE], checks, { client, canPin, job, requests, rounds: httpRounds })
  client.kill()

  const cpu = (name) => median({ ...express.cpu, ...service.cpu }[name])
  const where = canPin ? 'server and client on a core each' : 'server and client not pinned'
  const rows = [
    atMost(
      'whole Express request, CPU with the middleware',
      medianRatio(express.cpu[OURS], express.cpu[BARE]),
      1.02,
      'x without',
      `${numberText(cpu(BARE))} us, with ${numberText(cpu(OURS))} us, with nothing but req.ip read ${numberText(cpu(READS_IP))} us (x ${numberText(medianRatio(express.cpu[READS_IP], express.cpu[BARE]))}); ${where}`,
    ),
    shown(
      'check service, CPU a request',
      medianRatio(service.cpu[SERVICE], service.cpu[PLAIN]),
      'x bare node:http',
      `${numberText(cpu(SERVICE))} us, bare ${numberText(cpu(PLAIN))} us; ${countOf(medium)} decisions, 5 % hits`,
    ),
    shown(
      'check service',
      median(service.rate[SERVICE]),
      'requests a second',
      `bare node:http: ${numberText(median(service.rate[PLAIN]))}`,
    ),
  ]
  for (const name of [BARE, READS_IP, OURS, PLAIN, SERVICE])
    rows.push(shown(name, cpu(name), 'us CPU a request', '', 'http'))
  return rows
}

/** CPU microseconds a request and requests a second of servers that take turns, one number a round each. */
async function compare(kinds, paths, { client, canPin, job, requests, rounds }) {
  const servers = []
  for (const kind of kinds) {
    const child = startChild('load/http-server.mjs', { ...job, kind }, pinned(canPin, 0))
    servers.push({ kind, child, url: (await nextMessage(child)).url })
  }
  const cpu = Object.fromEntries(kinds.map((kind) => [kind, []]))
  const rate = Object.fromEntries(kinds.map((kind) => [kind, []]))
  for (let round = -1; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}`)
    for (let i = 0; i < servers.length; i++) {
      const { kind, child, url } = servers[(i + round + 1) % servers.length]
      const before = await cpuOf(child)
      client.send({ url, paths, requests })
      const { seconds } = await nextMessage(client)
      const used = (await cpuOf(child)) - before
      if (round === -1) continue // warm-up
      cpu[kind].push(used / requests)
      rate[kind].push(requests / seconds)
    }
  }
  for (const { child } of servers) child.kill()
  return { cpu, rate }
}

async function cpuOf(child) {
  child.send('cpu')
  return (await nextMessage(child)).cpu
}

function pinned(canPin, core) {
  return canPin ? { pin: core } : {}
}

function pathsToCheck(count, seed) {
  const data = makeDecisions(count, seed)
  const queries = makeQueries(data, new Oracle(data.decisions), { family: 4, hits: 0.05, count: 20_000 })
  return queries.batch(0, queries.count).map((address) => `/check?ip=${address}`)
}
