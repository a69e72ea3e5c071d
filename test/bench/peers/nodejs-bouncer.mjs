import { createServer } from 'node:http'

export const name = '@crowdsec/nodejs-bouncer'
export const note = 'getIpRemediation in stream mode, in-memory cache'
export const isAsync = true

/** Fed as in production: it pulls the decisions from a LAPI. */
export async function build(decisions) {
  process.env.LOG_LEVEL = 'silent' // read when the module loads; the default is debug, which would cost it more
  const { CrowdSecBouncer } = await import('@crowdsec/nodejs-bouncer')
  const lapi = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ deleted: null, new: [...decisions.wires()] }))
  })
  await new Promise((resolve) => lapi.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${lapi.address().port}`
  const bouncer = new CrowdSecBouncer({ url, bouncerApiToken: 'bench', streamMode: true })
  await bouncer.refreshDecisions({ scopes: ['ip', 'range'] })
  lapi.closeAllConnections()
  lapi.close()
  return async (text) => ((await bouncer.getIpRemediation(text)).remediation === 'bypass' ? 0 : 1)
}
