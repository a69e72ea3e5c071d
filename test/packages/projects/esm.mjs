// ESM: one bouncer, asked by every face that needs no framework but Express.
import { createServer } from 'node:http'
import { createBouncer } from 'crowdsec-bouncer'
import { crowdsec } from 'crowdsec-bouncer/express'
import { crowdsec as guard } from 'crowdsec-bouncer/http'
import { FakeLapi } from 'crowdsec-bouncer/testing'
import express from 'express'

if (typeof FakeLapi.start !== 'function') throw new Error('crowdsec-bouncer/testing is not there')
const bouncer = createBouncer({ apiUrl: process.env.LAPI_URL, apiKey: process.env.CROWDSEC_API_KEY })
await bouncer.start()
const mayPass = guard(bouncer, { trustedProxies: ['loopback'] })
const app = express().set('trust proxy', 'loopback')
app.use(crowdsec(bouncer), (req, res) => res.send(req.crowdsec.action))
createServer(async (req, res) => (await mayPass(req, res)) && app(req, res)).listen(process.env.PORT)
