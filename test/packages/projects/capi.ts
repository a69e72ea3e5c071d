// TypeScript: the CAPI client as a program on its own uses it. Neither kysely nor a database package is installed here.
import { createBouncer } from 'crowdsec-bouncer'
import {
  BouncerError,
  type CapiClientOptions,
  createCapiClient,
  createSignal,
  generateMachineId,
  type SendReport,
  type Signal,
} from 'crowdsec-bouncer/capi'
import { FakeCapi } from 'crowdsec-bouncer/testing'

const machineId = generateMachineId('capi.ts')
const signal: Signal = createSignal({
  machineId,
  attackerIp: '192.0.2.1',
  scenario: 'crowdsecurity/ssh-bf',
  createdAt: new Date(),
})
const options: CapiClientOptions = { storage: 'memory', scenarios: ['crowdsecurity/ssh-bf'] }
const client = await createCapiClient(options)
const { added } = await client.addSignals([signal])
await client.close()

const needed = await createCapiClient({ ...options, storage: 'sqlite:capi.db' }).catch((error: unknown) =>
  error instanceof BouncerError && error.code === 'ERR_CSB_STORAGE'
    ? /npm install (\S+)/.exec(error.message)?.[1]
    : null,
)
console.log(`memory ${added} queued, sqlite needs ${String(needed)}`)

/** Never called: only its types are looked at. */
export async function pulling(): Promise<SendReport> {
  const capi = await FakeCapi.start()
  const bouncer = createBouncer({ capiPull: true, capiUrl: `${capi.url}/v3`, report: true })
  return bouncer.sendSignals()
}
