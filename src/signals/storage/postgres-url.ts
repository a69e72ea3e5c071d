/** The URL of a PostgreSQL database, of which nothing may be quoted: it may hold a password. */

/** What is wrong with one that cannot be parsed, and what to do about it. */
export const UNPARSABLE =
  'cannot be parsed as postgresql://user:password@host/database; percent-encode the password, and the port is a number'

/** Null where it cannot be parsed. A password with signs that belong to URLs would be taken for the host, the port and the path. */
export function readPostgresUrl(text: string): URL | null {
  const url = /^postgres(?:ql)?:\/\/./i.test(text) && URL.canParse(text) ? new URL(text) : null
  return url !== null && url.hash === '' && !url.pathname.includes('@') ? url : null
}
