/** This package's version, as the LAPI sees it. */

/** A test holds it equal to package.json. */
export const VERSION = '0.1.0'

/** CrowdSec's convention `crowdsec-<service>-bouncer/v<x.y.z>`; the LAPI wants exactly one slash. */
export const USER_AGENT = `crowdsec-nodejs-bouncer/v${VERSION}`
