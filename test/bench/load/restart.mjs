// A process that starts from a snapshot and prints the milliseconds from its own start to the first right verdict.
import { createBouncer } from '../../../dist/src/index.js'

const [snapshotFile, banned] = process.argv.slice(2)
const silent = { name: 'given', start() {}, stop() {} }
const bouncer = createBouncer({ sources: [silent], snapshotFile })
void bouncer.start()
while (bouncer.check(banned).action !== 'ban') await new Promise((resolve) => setImmediate(resolve))
console.log(performance.now())
process.exit(0)
