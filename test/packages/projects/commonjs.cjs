// CommonJS: `require` of the same files, which Node can since 20.19.
const { createBouncer, BouncerError } = require('crowdsec-bouncer')
const { crowdsec } = require('crowdsec-bouncer/express')
const { createCapiClient } = require('crowdsec-bouncer/capi')
const { LapiClient } = require('crowdsec-bouncer/lapi')
const express = require('express')

if (typeof LapiClient !== 'function') throw new Error('crowdsec-bouncer/lapi is not there')
if (typeof createCapiClient !== 'function') throw new Error('crowdsec-bouncer/capi is not there')
try {
  createBouncer({ apiKey: 'k', apiUrl: 'nonsense' })
} catch (error) {
  if (!(error instanceof BouncerError)) throw error
}
const app = express().set('trust proxy', 'loopback')
app.use(crowdsec({ apiUrl: process.env.LAPI_URL, apiKey: process.env.CROWDSEC_API_KEY }))
app.use((req, res) => res.send(req.crowdsec.action))
app.listen(process.env.PORT)
