// Plain node:http. Run it with `CROWDSEC_API_KEY=... node examples/http.mjs`.
import { createServer } from 'node:http'
import { crowdsec } from 'crowdsec-bouncer/http'

const trustedProxies = ['loopback'] // a proxy on this machine stands in front
const mayPass = crowdsec({ apiUrl: 'http://127.0.0.1:8080', apiKey: process.env.CROWDSEC_API_KEY, trustedProxies })
const server = createServer(async (req, res) => {
  if (await mayPass(req, res)) res.end(`hello, ${req.crowdsec.action}`)
})
server.listen(3000)
