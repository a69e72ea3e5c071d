/** What failed in TLS, told so that a person can find the certificate that has to change. */

import { BouncerError } from '../errors.js'
import { systemCodeOf } from '../thrown.js'

/** Node's own names for a certificate that does not pass (`X509_verify_cert_error_string`, and the check of the host name). */
const refusedByUs =
  /^(?:CERT_|CRL_|ERR_TLS_CERT_ALTNAME|UNABLE_TO_|(?:DEPTH_ZERO_)?SELF_SIGNED_CERT|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH)/

/** `ERR_CSB_TLS`, or null if the error is none of TLS. */
export function explainTls(error: unknown, target: string): BouncerError | null {
  const code = systemCodeOf(error) ?? ''
  const message = sentence(code, target)
  return message === null ? null : new BouncerError('ERR_CSB_TLS', message, { cause: error })
}

function sentence(code: string, target: string): string | null {
  if (refusedByUs.test(code)) return `The certificate of ${target} is not trusted (${code})`
  if (/^ERR_SSL_.*ALERT/.test(code)) return `${target} refuses our certificate, or that there is none (${code})`
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    return `What answers at ${target} does not speak TLS (${code})`
  }
  return code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')
    ? `TLS with ${target} failed (${code})`
    : null
}
