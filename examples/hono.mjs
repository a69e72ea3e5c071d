// Hono 4 on Node. Run it with `CROWDSEC_API_KEY=... node examples/hono.mjs`.
import { serve } from '@hono/node-server'
import { crowdsec } from 'crowdsec-bouncer/hono'
import { Hono } from 'hono'

const trustedProxies = ['loopback'] // a proxy on this machine stands in front
const app = new Hono()
app.use(crowdsec({ apiUrl: 'http://127.0.0.1:8080', apiKey: process.env.CROWDSEC_API_KEY, trustedProxies }))
app.get('/', (c) => c.text(`hello, ${c.var.crowdsec.action}`))
serve({ fetch: app.fetch, port: 3000 })
