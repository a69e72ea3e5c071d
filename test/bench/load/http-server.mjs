/** One kind of HTTP server, in a process of its own, that tells its CPU time when asked. */

import { createServer } from 'node:http'
import express from 'express'
import { makeDecisions } from '../data.mjs'
import { bouncerWith, createCheckService, crowdsec } from '../subject.mjs'

const KINDS = {
  express: () => listen(application()),
  async 'express with req.ip read'() {
    return listen(application((req, _res, next) => (req.ip === '' ? next(new Error('no address')) : next())))
  },
  'express with crowdsec': async (job) => listen(application(crowdsec((await filled(job)).bouncer))),
  'node:http': () =>
    listen((_request, response) => {
      const body = '{"ip":"192.0.2.1","action":"allow","decision":null}'
      response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': body.length })
      response.end(body)
    }),
  async 'check service'(job) {
    const { bouncer } = await filled(job)
    const { url } = await createCheckService({ bouncer, listen: { host: '127.0.0.1', port: 0 } }).start()
    return url
  },
}

function filled({ count, seed }) {
  return bouncerWith(makeDecisions(count, seed).decisions)
}

function application(middleware) {
  const app = express()
  if (middleware !== undefined) app.use(middleware)
  app.get('/', (_req, res) => res.json({ ok: true }))
  return app
}

function listen(handler) {
  const server = createServer(handler)
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`))
  })
}

process.on('message', async (job) => {
  if (job === 'cpu') {
    const { user, system } = process.cpuUsage()
    process.send({ cpu: user + system })
  } else process.send({ url: await KINDS[job.kind](job) })
})
process.once('disconnect', () => process.exit())
