// Koa 2 and 3. Run it with `CROWDSEC_API_KEY=... node examples/koa.mjs`.
import { crowdsec } from 'crowdsec-bouncer/koa'
import Koa from 'koa'

const app = new Koa({ proxy: true, maxIpsCount: 1 }) // one proxy stands in front
app.use(crowdsec({ apiUrl: 'http://127.0.0.1:8080', apiKey: process.env.CROWDSEC_API_KEY }))
app.use((ctx) => {
  ctx.body = `hello, ${ctx.state.crowdsec.action}`
})
app.listen(3000)
