/** How long the texts of a decision may be. Nothing real comes near; without limits a bad source could fill the memory. */

/** Types, origins, scopes, values and durations that are longer (in UTF-16 units) make a decision refused. */
export const LONGEST_TEXT = 4096

/** Longer scenarios are cut here: they only describe, and a ban must not be lost for a long description. */
export const LONGEST_SCENARIO = 1024
