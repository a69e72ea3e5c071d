/** `crowdsec-bouncer serve`: runs the check service until a signal ends it. */

import { collectDefaultMetrics } from 'prom-client'
import { type Bouncer, createBouncer } from '../bouncer.js'
import { loadConfiguration } from '../config/load-configuration.js'
import { createCheckService } from '../server/check-service.js'
import { defaultConfigurationFile } from './package-root.js'
import { serviceLogger } from './service-logger.js'
import { stopSignal } from './stop-signal.js'

/** Resolves when a signal has ended the service and nothing of it is left. Logs JSON lines to standard output. */
export async function serve(file: string | undefined): Promise<void> {
  const isExample = file === undefined
  const configuration = await loadConfiguration({ file: file ?? defaultConfigurationFile, isExample, env: process.env })
  const logger = serviceLogger(configuration.logLevel)
  const bouncer = createBouncer({ ...configuration.bouncer, logger })
  collectDefaultMetrics({ register: bouncer.registry }) // of the process: here it is ours, in an app it is not
  const service = createCheckService({ bouncer, listen: configuration.listen, logger })
  const signal = stopSignal()
  try {
    const { url } = await service.start()
    logger.info(`listening on ${url}`)
    for (const path of configuration.files) logger.info(`configuration read from ${path}`)
    for (const notice of configuration.notices) logger.warn(notice)
    // After listening, because a second instance by mistake must not take the changes that the LAPI holds for the first.
    // Until the first sync the service answers `allow` and /readyz says 503; what to try is told when it has an answer.
    const started = bouncer.start().then(() => 'started' as const)
    const first = await Promise.race([signal, started])
    if (first === 'started') {
      if (process.stdout.isTTY) process.stdout.write(invitation(url, bouncer))
      else if (isExample) for (const { curl, answer } of tries(url, bouncer)) logger.info(`try ${curl} (${answer})`)
    }
    logger.info(`${await signal}: stopping`)
  } finally {
    await service.stop()
    await bouncer.stop()
  }
  logger.info('stopped')
}

/** What to try, and what comes. The first address is on the example list, the second on no list. */
function tries(url: string, bouncer: Bouncer): readonly { readonly curl: string; readonly answer: string }[] {
  const checks = ['203.0.113.7', '192.0.2.1'].map((ip) => ({
    curl: `curl '${url}/check?ip=${ip}'`,
    answer: bouncer.explain(ip)[0]?.type ?? 'allow',
  }))
  return [...checks, { curl: `curl '${url}/readyz'`, answer: 'the sources of decisions and their state' }]
}

/** For a person at a terminal. */
function invitation(url: string, bouncer: Bouncer): string {
  const all = tries(url, bouncer)
  const width = Math.max(...all.map(({ curl }) => curl.length))
  const lines = all.map(({ curl, answer }) => `  ${curl.padEnd(width)}   # ${answer}`)
  return `\nThe check service listens on ${url}\n\n${lines.join('\n')}\n\nCtrl-C stops it.\n\n`
}
