/** The answer of `GET /v3/decisions/stream`: grouped decisions, those taken back, and links to more. */

export interface BlocklistLink {
  readonly name: string
  /** Signed, so a secret of sorts; never sent with an Authorization header, which breaks the signature. */
  readonly url: string
  readonly remediation: string
  readonly scope: string
  /** A Go duration. */
  readonly duration: string
}

export interface AllowlistLink {
  readonly name: string
  readonly url: string
  readonly id?: string | undefined
  readonly description?: string | undefined
  readonly created_at?: string | undefined
  readonly updated_at?: string | undefined
}

/** What is absent in the answer is empty here, for which of the links `hasLinks` tells. */
export interface CapiDecisions {
  readonly new: readonly {
    readonly scenario: string
    /** May be lower case: `ip`. */
    readonly scope: string
    readonly decisions: readonly { readonly value: string; readonly duration: string }[]
  }[]
  readonly deleted: readonly { readonly scope: string; readonly decisions: readonly string[] }[]
  /** False where the answer says nothing of links: then those of the one before still stand. */
  readonly hasLinks: boolean
  readonly blocklists: readonly BlocklistLink[]
  readonly allowlists: readonly AllowlistLink[]
  /** How many groups, values and links were passed over because they are not of this shape. */
  readonly skipped: number
}
