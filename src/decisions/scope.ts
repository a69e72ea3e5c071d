/**
 * Scopes: what kind of thing a decision's value names. The LAPI's own four are known in any case (CAPI and LAPI before
 * 1.6.4 write `ip` where others write `Ip`); every other scope is exact text (LAPI protocol, all versions).
 */

/** What the LAPI calls its own scopes. */
export type KnownScope = 'Ip' | 'Range' | 'Country' | 'AS'

const KNOWN: ReadonlyMap<string, KnownScope> = new Map([
  ['ip', 'Ip'],
  ['range', 'Range'],
  ['country', 'Country'],
  ['as', 'AS'],
])

/** The canonical spelling of a known scope, any other text as it is. */
export function canonicalScope(scope: string): string {
  if (scope === 'Ip' || scope === 'Range') return scope // what nearly every decision says
  return scope.length > 7 ? scope : (KNOWN.get(scope.toLowerCase()) ?? scope)
}
