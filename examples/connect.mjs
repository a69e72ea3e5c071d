// Connect, and whatever takes its `(req, res, next)`. Run it with `CROWDSEC_API_KEY=... node examples/connect.mjs`.
import connect from 'connect'
import { crowdsec } from 'crowdsec-bouncer/http'

const trustedProxies = ['loopback'] // a proxy on this machine stands in front
const app = connect()
app.use(crowdsec({ apiUrl: 'http://127.0.0.1:8080', apiKey: process.env.CROWDSEC_API_KEY, trustedProxies }))
app.use((req, res) => res.end(`hello, ${req.crowdsec.action}`))
app.listen(3000)
