/** Options about CrowdSec's Central API (CAPI): where it is, who we are to it, and where that and the signals are kept. */

import { z } from 'zod'
import {
  capiMachineId,
  capiUrl,
  loginBudget,
  loginBudgetText,
  pullInterval,
  scenarioList,
  storageLocation,
} from '../kinds/capi-kinds.js'
import { filePath, secretText, yesOrNo, yesOrNoText } from '../kinds/option-kinds.js'
import { aPath, everywhere, optionInfo } from './option-info.js'

export const capiOptions = z.strictObject({
  capiUrl: capiUrl.prefault('production').register(optionInfo, {
    ...everywhere,
    accepts: '`production`, `development`, or an http or https URL',
    meaning: "Where CrowdSec's Central API (CAPI) answers. Version 3 of it, so that a URL ends in `/v3`.",
  }),
  capiScenarios: scenarioList.prefault([]).register(optionInfo, {
    ...everywhere,
    accepts: 'a list of scenarios as `author/name`, or one text with commas between them',
    meaning:
      'The scenarios that this machine tells CAPI it reports. They decide which community list it gets, and CAPI knows only names that CrowdSec has registered: those of the hub, and your own once you have told them.',
  }),
  capiMachineId: capiMachineId.optional().register(optionInfo, {
    ...everywhere,
    accepts: '48 letters and digits',
    meaning:
      'Who we are to CAPI. Without it the machine in `capi_storage`, or a new one with a random id, which is then kept there.',
  }),
  capiPassword: secretText.optional().register(optionInfo, {
    ...everywhere,
    value: 'secret',
    accepts: 'text without spaces or control characters',
    meaning:
      'The password of `capi_machine_id`, where CAPI knows that machine already. Otherwise one is made and kept.',
  }),
  capiPasswordFile: filePath.optional().register(optionInfo, {
    ...aPath,
    accepts: 'the path of a file',
    meaning: 'A file that holds nothing but the `capi_password`. Instead of `capi_password`.',
  }),
  capiStorage: storageLocation.prefault('sqlite:crowdsec-bouncer.db').register(optionInfo, {
    ...everywhere,
    value: 'location',
    accepts: '`sqlite:PATH`, `postgresql://USER:PASSWORD@HOST/DATABASE` or `memory`',
    meaning:
      'Where the machine, its token and the signals that wait to be sent are kept. SQLite for one process or several on one machine, PostgreSQL for several machines. `memory` forgets all on stop.',
  }),
  capiLoginBudget: loginBudget.prefault(18).register(optionInfo, {
    ...everywhere,
    accepts: loginBudgetText,
    meaning:
      'How many logins go out to CAPI in 50 minutes, of all machines and processes on `capi_storage`. After more than 20 CAPI refuses an address for an hour. Paid accounts are exempt. Give all processes on one storage the same.',
  }),
  capiPull: yesOrNo.prefault(false).register(optionInfo, {
    ...everywhere,
    accepts: yesOrNoText,
    meaning:
      'Get decisions from CAPI itself, without an engine in between: the community list, and the blocklists and allowlists of the console. `origins`, `scopes` and the filters on scenarios are for the LAPI and do not apply.',
  }),
  capiPullInterval: pullInterval.prefault('2h').register(optionInfo, {
    ...everywhere,
    accepts: 'a duration of 10m or more such as 2h',
    meaning:
      'How often CAPI is asked, more or less by a tenth, and by five minutes at most. CrowdSec asks for no more than every two hours.',
  }),
  capiCommunityPull: yesOrNo.prefault(true).register(optionInfo, {
    ...everywhere,
    accepts: yesOrNoText,
    meaning: 'Whether `capi_pull` gets the community list.',
  }),
  capiAdditionalPull: yesOrNo.prefault(true).register(optionInfo, {
    ...everywhere,
    accepts: yesOrNoText,
    meaning: 'Whether `capi_pull` gets the blocklists and allowlists of the console.',
  }),
  capiAllowPrivateLinks: yesOrNo.prefault(false).register(optionInfo, {
    ...everywhere,
    accepts: yesOrNoText,
    meaning:
      'Whether the links to blocklists and allowlists may be plain http and point to private, loopback and other addresses that are not on the internet. Without it http is taken only where `capi_url` is http.',
  }),
})
