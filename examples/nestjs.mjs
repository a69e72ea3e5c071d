// NestJS on Express. Run it with `CROWDSEC_API_KEY=... node examples/nestjs.mjs`.
import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import { crowdsec } from 'crowdsec-bouncer/http'

class AppModule {} // yours, with its controllers
const trustedProxies = ['loopback'] // a proxy on this machine stands in front
const app = await NestFactory.create(AppModule)
app.use(crowdsec({ apiUrl: 'http://127.0.0.1:8080', apiKey: process.env.CROWDSEC_API_KEY, trustedProxies }))
await app.listen(3000)
