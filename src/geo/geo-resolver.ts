/** The plug point for whatever knows where an address is, so that decisions on countries and AS numbers can be enforced. */

/** Asked once a request, so it answers at once. What it throws counts as not known and is told once, and so does a promise. */
export interface GeoResolver {
  /** Null where nothing is known. `address` is in canonical text: IPv4-mapped IPv6 comes as IPv4, and without a zone. */
  locate(address: string): Place | null
}

export interface Place {
  /** ISO 3166-1 alpha-2 in capitals, as the LAPI writes the value of a decision: `FR`. */
  readonly country?: string | undefined
  /** The number as text, as the LAPI writes it: `64500`. */
  readonly as?: string | undefined
}
