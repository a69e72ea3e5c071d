// Express 4 and 5. Run it with `CROWDSEC_API_KEY=... node examples/express.mjs`.
import { crowdsec } from 'crowdsec-bouncer/express'
import express from 'express'

const app = express()
app.set('trust proxy', 'loopback') // where a proxy on this machine stands in front
app.use(crowdsec({ apiUrl: 'http://127.0.0.1:8080', apiKey: process.env.CROWDSEC_API_KEY }))
app.get('/', (req, res) => res.send(`hello, ${req.crowdsec.action}`))
app.listen(3000)
