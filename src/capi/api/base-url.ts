/** Where CAPI is. */

/** Version 3; the Python and the PHP SDK have the same. */
export const capiBaseUrls = {
  production: 'https://api.crowdsec.net/v3',
  development: 'https://api.dev.crowdsec.net/v3',
} as const

/** The URL of a name, else the text itself. */
export function capiBaseUrl(nameOrUrl: string): string {
  return nameOrUrl === 'production' || nameOrUrl === 'development' ? capiBaseUrls[nameOrUrl] : nameOrUrl
}
