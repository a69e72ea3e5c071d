/** Where an HTTP server is: under a base URL, or at a unix socket (`unix:/run/x.sock`, `http://unix:/run/x.sock`). */

export interface BaseUrl {
  /** Ends with a slash. For a unix socket it only names the host that requests are for. */
  readonly url: URL
  readonly socketPath: string | null
  /** Fit for messages: no credentials, no query. */
  readonly target: string
}

const unixSocket = /^(?:http:\/\/)?unix:(?:\/\/)?(\/[^/].*)$/i

/** Null where the text is neither an http or https URL nor an absolute path to a socket. */
export function parseBaseUrl(text: string): BaseUrl | null {
  const socketPath = unixSocket.exec(text)?.[1] ?? null
  if (socketPath !== null) return { url: new URL('http://localhost/'), socketPath, target: `unix:${socketPath}` }
  if (/^(?:https?:\/\/)?unix:(?!\d)/i.test(text)) return null // else `unix` would be the name of a host
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return null
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return { url, socketPath, target: `${url.origin}${url.pathname}` }
}
