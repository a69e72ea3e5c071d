// Tells CrowdSec of attacks that the application itself sees, here five failed logins within a minute; the decisions come from a
// LAPI. Run it with `CROWDSEC_API_KEY=... node examples/signals/failed-logins.mjs`.
import { crowdsec } from 'crowdsec-bouncer/express'
import express from 'express'

const scenario = 'crowdsecurity/http-generic-bf'
const protection = crowdsec({
  apiUrl: 'http://127.0.0.1:8080',
  apiKey: process.env.CROWDSEC_API_KEY,
  report: true,
  capiUrl: process.env.CAPI_URL ?? 'production',
  capiScenarios: [scenario],
  capiStorage: 'sqlite:signals.db',
})
const failures = new Map() // how many, by address
setInterval(() => failures.clear(), 60_000).unref()

const app = express()
app.set('trust proxy', 'loopback') // where a proxy on this machine stands in front
app.use(protection)
app.post('/login', (req, res) => {
  // Here yours looks at the password, and this one was wrong.
  const count = (failures.get(req.ip) ?? 0) + 1
  failures.set(req.ip, count)
  if (count >= 5) protection.bouncer.report({ address: req.ip, scenario, context: { target_uri: req.path } })
  res.sendStatus(401)
})
app.listen(3000)
process.once('SIGTERM', async () => {
  await protection.bouncer.stop() // sends what came together
  process.exit()
})
