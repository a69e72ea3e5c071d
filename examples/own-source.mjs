// Decisions of your own: anything with a name, start and stop. Run it with `node examples/own-source.mjs`.
import { createBouncer } from 'crowdsec-bouncer'

const failedLogins = {
  name: 'failed-logins',
  async start(sink) {
    this.sink = sink
    await sink.replaceAll([]) // says that it is complete, so that the bouncer is ready
  },
  stop() {},
  async ban(address, duration) {
    await this.sink.apply({
      new: [{ origin: this.name, type: 'ban', scope: 'Ip', value: address, duration, scenario: 'app/failed-logins' }],
    })
  },
}

const bouncer = createBouncer({ sources: [failedLogins] })
await bouncer.start()
await failedLogins.ban('203.0.113.7', '15m')
console.log(bouncer.check('203.0.113.7').action, bouncer.check('192.0.2.1').action) // ban allow
await bouncer.stop()
