// Reports attacks from any program, such as a honeypot, without a bouncer. Run it with `node examples/signals/send.mjs`.
import { createCapiClient, createSignal, randomMachineId } from 'crowdsec-bouncer/capi'

const scenario = 'crowdsecurity/ssh-bf'
const client = await createCapiClient({
  scenarios: [scenario],
  url: process.env.CAPI_URL ?? 'development',
  storage: 'sqlite:honeypot.db', // keeps the machine, its token and what is not sent yet
})
const [known] = await client.machines()
const { machineId } = known ?? (await client.addMachine(randomMachineId()))

const attackers = ['192.0.2.1', '192.0.2.2', '2001:db8::1'] // yours come from a log
const createdAt = new Date()
await client.addSignals(attackers.map((attackerIp) => createSignal({ attackerIp, scenario, createdAt, machineId })))

const { sent, quarantined, remaining, failures } = await client.sendSignals()
for (const { error } of failures) console.error(error.message) // what could not be sent waits for the next run
console.log(`${sent} sent, ${quarantined} refused, ${remaining} waiting`)
await client.close()
