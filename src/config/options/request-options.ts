/** Options about requests: whose it is, what is let through, what is done when something fails, and what is answered. */

import { z } from 'zod'
import type { Verdict } from '../../decisions/decision.js'
import type { Subjects } from '../../decisions/judge.js'
import type { Answer } from '../../remediation/answer.js'
import { codeFunction } from '../kinds/code-kinds.js'
import {
  actionMap,
  distinctTextList,
  duration,
  listText,
  prefixList,
  trustedProxies,
  yesOrNo,
  yesOrNoText,
} from '../kinds/option-kinds.js'
import { methodList, pathList, readableFile, redirectUrl } from '../kinds/request-kinds.js'
import { aPath, codeOnly, everywhere, optionInfo } from './option-info.js'

const failureActions = z.enum(['passthrough', 'ban', 'captcha'])
const failureText = '`passthrough`, `ban` or `captcha`'

export const requestOptions = z.strictObject({
  trustedProxies: trustedProxies.optional().register(optionInfo, {
    ...everywhere,
    accepts: 'addresses, CIDRs and the words `loopback`, `linklocal`, `uniquelocal`, or the number of proxies in front',
    meaning:
      "Whose word on the visitor's address is believed. Without it, Express' `trust proxy`, Koa's `app.proxy` and Fastify's `trustProxy` decide, and elsewhere the socket.",
  }),
  clientAddressHeader: z
    .string()
    .regex(/^[\w-]+$/)
    .transform((name) => name.toLowerCase())
    .prefault('x-forwarded-for')
    .register(optionInfo, {
      ...everywhere,
      accepts: 'the name of a header, such as `x-forwarded-for`, `forwarded` or `cf-connecting-ip`',
      meaning: 'Where `trusted_proxies` write the address of the visitor.',
    }),
  allowlist: prefixList.prefault([]).register(optionInfo, {
    ...everywhere,
    accepts: 'addresses, CIDRs and first-last ranges, as a list or with commas between them',
    meaning: 'Never blocked, whatever the decisions say.',
  }),
  excludePaths: pathList.prefault([]).register(optionInfo, {
    ...everywhere,
    accepts: `${listText}; each begins with a slash and says more than that`,
    meaning: 'Paths that are not judged, with all that is below them.',
  }),
  excludeMethods: methodList.prefault([]).register(optionInfo, {
    ...everywhere,
    accepts: listText,
    meaning: 'HTTP methods that are not judged.',
  }),
  exclude: codeFunction<(request: never) => boolean>()
    .optional()
    .register(optionInfo, {
      ...codeOnly,
      accepts: 'a function of the request that returns true for what is not judged',
      meaning: 'Requests that are not judged.',
    }),
  identify: codeFunction<(request: never) => Subjects | undefined>()
    .optional()
    .register(optionInfo, {
      ...codeOnly,
      accepts: 'a function of the request that returns scopes and values, such as `{ username: "bob" }`',
      meaning:
        'What else is known of a visitor, for decisions on scopes of your own. A LAPI sends these only where `scopes` names them too.',
    }),
  dryRun: yesOrNo.prefault(false).register(optionInfo, {
    ...everywhere,
    accepts: yesOrNoText,
    meaning: 'Judge, count and log, but block nothing.',
  }),
  maxRemediation: z
    .string()
    .min(1)
    .optional()
    .register(optionInfo, {
      ...everywhere,
      accepts: '`allow` or one of `severity_order`',
      meaning: 'Nothing more severe than this is done.',
    }),
  scenarioActions: actionMap.prefault({}).register(optionInfo, {
    ...everywhere,
    accepts: 'pairs of scenario and type of decision (`allow` lets pass)',
    meaning: 'What is done in place of what the decision says, by its scenario.',
  }),
  originActions: actionMap.prefault({}).register(optionInfo, {
    ...everywhere,
    accepts: 'pairs of origin and type of decision (`allow` lets pass)',
    meaning: 'What is done in place of what the decision says, by its origin.',
  }),
  notReadyAction: failureActions.prefault('passthrough').register(optionInfo, {
    ...everywhere,
    accepts: failureText,
    meaning: 'What is done with everybody before the first full sync.',
  }),
  waitForSync: yesOrNo.prefault(false).register(optionInfo, {
    ...everywhere,
    accepts: yesOrNoText,
    meaning: 'Requests wait for the first full sync, `start_timeout` at most.',
  }),
  maxStaleness: duration.optional().register(optionInfo, {
    ...everywhere,
    accepts: 'a duration such as 1h',
    meaning:
      'How old the last good sync may be before `staleness_action` is taken. Without it, as old as it is. Time in which the ' +
      'machine sleeps does not count. Must be longer than `stream_update_frequency` with a LAPI, and than `capi_pull_interval` and a ' +
      'tenth of it (five minutes at most) with `capi_pull`.',
  }),
  stalenessAction: failureActions.prefault('passthrough').register(optionInfo, {
    ...everywhere,
    accepts: failureText,
    meaning: 'What is done with those whom no decision matches while the last good sync is too old.',
  }),
  invalidAddressAction: z
    .enum(['allow', 'ban'])
    .prefault('allow')
    .register(optionInfo, {
      ...everywhere,
      accepts: '`allow` or `ban`',
      meaning: 'The verdict on what is not an IP address.',
    }),
  remediationFallback: z
    .enum(['ban', 'ignore'])
    .prefault('ban')
    .register(optionInfo, {
      ...everywhere,
      accepts: '`ban` or `ignore`',
      meaning: 'What becomes of a decision whose type cannot be carried out here, such as `captcha`.',
    }),
  severityOrder: distinctTextList.prefault(['ban', 'captcha', 'throttle']).register(optionInfo, {
    ...everywhere,
    accepts: `${listText}, each once and at least one`,
    meaning: 'Types of decision, the most severe first: it wins where several match. Types not named come after.',
  }),
  banReturnCode: z.coerce
    .number()
    .int()
    .min(400)
    .max(599)
    .prefault(403)
    .register(optionInfo, {
      ...everywhere,
      accepts: 'an HTTP status from 400 to 599',
      meaning: 'The status of the answer to a banned visitor.',
    }),
  banTemplatePath: readableFile.optional().register(optionInfo, {
    ...aPath,
    accepts: 'the path of an HTML file',
    meaning:
      'A page of your own for banned visitors, read again when it changes. `{{status}}`, `{{action}}` and `{{address}}` in it are filled in.',
  }),
  banRedirect: redirectUrl.optional().register(optionInfo, {
    ...everywhere,
    accepts: 'an http or https URL',
    meaning: 'Where banned visitors are sent, in place of a page: another site, or a path in `exclude_paths`.',
  }),
  banAnswer: codeFunction<(verdict: Verdict) => Answer>()
    .optional()
    .register(optionInfo, {
      ...codeOnly,
      accepts: 'a function of the verdict that returns `{ status, headers, body }`',
      meaning: 'An answer of your own for banned visitors.',
    }),
  retryAfter: yesOrNo.prefault(false).register(optionInfo, {
    ...everywhere,
    accepts: yesOrNoText,
    meaning: 'Tell banned visitors in `Retry-After` when the decision ends.',
  }),
})
