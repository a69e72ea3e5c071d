/** Options about where decisions come from and which: the LAPI's stream, a file, snapshots, sources of one's own. */

import { z } from 'zod'
import { loggerShape, sourceList } from '../kinds/code-kinds.js'
import {
  distinctTextList,
  duration,
  durationText,
  filePath,
  httpUrl,
  listText,
  secretText,
  textList,
} from '../kinds/option-kinds.js'
import { aPath, codeOnly, everywhere, optionInfo } from './option-info.js'

export const decisionOptions = z.strictObject({
  apiUrl: httpUrl.prefault('http://127.0.0.1:8080').register(optionInfo, {
    ...everywhere,
    accepts: 'an http or https URL such as http://127.0.0.1:8080, with or without a path, or unix:/path',
    meaning: 'Where the CrowdSec Local API (LAPI) answers. Used when there is an `api_key`.',
  }),
  apiKey: secretText.optional().register(optionInfo, {
    ...everywhere,
    value: 'secret',
    accepts: 'text without spaces or control characters (from `cscli bouncers add NAME`)',
    meaning: 'The key for the LAPI, from `cscli bouncers add NAME`. With a key, `decisions_file` is not used.',
  }),
  apiKeyFile: filePath.optional().register(optionInfo, {
    ...aPath,
    accepts: 'the path of a file',
    meaning: 'A file that holds nothing but the `api_key`. Instead of `api_key`.',
  }),
  streamUpdateFrequency: duration.prefault('10s').register(optionInfo, {
    ...everywhere,
    accepts: durationText,
    meaning: 'How often the LAPI is asked what changed.',
  }),
  resyncInterval: duration.prefault('4h').register(optionInfo, {
    ...everywhere,
    accepts: durationText,
    meaning: 'How often all decisions are pulled again, because a LAPI can lose changes.',
  }),
  fullPullTimeout: duration.prefault('5m').register(optionInfo, {
    ...everywhere,
    accepts: durationText,
    meaning: 'How long a pull of all decisions may take.',
  }),
  deltaPullTimeout: duration.prefault('30s').register(optionInfo, {
    ...everywhere,
    accepts: durationText,
    meaning: 'How long a pull of changes may take.',
  }),
  startTimeout: duration.prefault('10s').register(optionInfo, {
    ...everywhere,
    accepts: durationText,
    meaning: 'How long `start()` waits for the first full sync before it lets the application go on without.',
  }),
  origins: textList.prefault([]).register(optionInfo, {
    ...everywhere,
    accepts: listText,
    meaning: 'Only decisions of these origins (`crowdsec`, `cscli`, `CAPI`, `lists`, ...). Empty: all.',
  }),
  scopes: distinctTextList.prefault(['ip', 'range']).register(optionInfo, {
    ...everywhere,
    accepts: `${listText}, each once and at least one`,
    meaning:
      'Only decisions of these scopes. Whatever `identify` returns matches nothing of a LAPI while its scope, such as `username`, is not among them.',
  }),
  scenariosContaining: textList.prefault([]).register(optionInfo, {
    ...everywhere,
    accepts: listText,
    meaning: 'Only decisions whose scenario contains one of these texts. Empty: all.',
  }),
  scenariosNotContaining: textList.prefault([]).register(optionInfo, {
    ...everywhere,
    accepts: listText,
    meaning: 'No decisions whose scenario contains one of these texts.',
  }),
  decisionsFile: filePath.optional().register(optionInfo, {
    ...aPath,
    accepts: 'the path of a file',
    meaning:
      'A local list of addresses, ranges and CIDRs to ban. Not used when there is an `api_key`. Read again when it has changed and then ' +
      'stayed the same for a second; best put a new one in its place by renaming it, so that it is whole at any moment.',
  }),
  snapshotFile: filePath.optional().register(optionInfo, {
    ...aPath,
    accepts: 'the path of a file in a directory where the process may write',
    meaning:
      'Keeps the decisions over a restart, which then protects before the first sync. Each source takes 5.4 MB at least: the tables for all of IPv4 are written as they are in memory.',
  }),
  snapshotInterval: duration.prefault('5m').register(optionInfo, {
    ...everywhere,
    accepts: durationText,
    meaning:
      'How much time lies between two snapshots at least. The first is written with the first full sync, the last on stop.',
  }),
  sources: sourceList.prefault([]).register(optionInfo, {
    ...codeOnly,
    accepts: 'a list of objects with `name`, `start` and `stop`, each name once',
    meaning: 'Sources of decisions of your own, beside the LAPI or the file.',
  }),
  logger: loggerShape.optional().register(optionInfo, {
    ...codeOnly,
    accepts: 'an object with `debug`, `info`, `warn` and `error`, such as console or a pino logger',
    meaning:
      'What is told in sentences goes here. Without one the library is silent, but for a process warning of what makes it useless.',
  }),
})
