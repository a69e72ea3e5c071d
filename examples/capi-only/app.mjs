// Express with CrowdSec's Central API (CAPI) alone, without an engine. Run it with `node examples/capi-only/app.mjs`.
import { crowdsec } from 'crowdsec-bouncer/express'
import express from 'express'

const scenario = 'crowdsecurity/http-probing'
const protection = crowdsec({
  capiPull: true,
  capiUrl: process.env.CAPI_URL ?? 'production',
  capiAllowPrivateLinks: process.env.CAPI_ALLOW_PRIVATE_LINKS ?? false, // for a CAPI of one's own
  capiScenarios: [scenario],
  capiStorage: 'sqlite:capi-only.db',
  report: true,
  reportOrigins: process.env.REPORT_ORIGINS ?? [], // what CAPI's own lists block is no news to it, and by default not told
  reportScenario: scenario,
})
const app = express()
app.set('trust proxy', 'loopback') // where a proxy on this machine stands in front
app.use(protection)
app.get('/', (req, res) => res.send(`hello, ${req.crowdsec.action}`))
app.get('/wp-login.php', (req, res) => {
  protection.bouncer.report({ address: req.ip, scenario, context: { target_uri: req.path } }) // nobody comes here by mistake
  res.sendStatus(404)
})
app.listen(3000)
process.once('SIGTERM', async () => {
  await protection.bouncer.stop() // sends what came together
  process.exit()
})
