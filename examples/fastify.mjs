// Fastify 5. Run it with `CROWDSEC_API_KEY=... node examples/fastify.mjs`.
import { crowdsec } from 'crowdsec-bouncer/fastify'
import fastify from 'fastify'

const app = fastify({ trustProxy: 'loopback' }) // a proxy on this machine stands in front
app.register(crowdsec({ apiUrl: 'http://127.0.0.1:8080', apiKey: process.env.CROWDSEC_API_KEY }))
app.get('/', async (request) => `hello, ${request.crowdsec.action}`)
await app.listen({ port: 3000 })
