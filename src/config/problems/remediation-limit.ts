/** Whether `maxRemediation` says something: of a type that has no place in the order, nobody could tell what is more severe. */

export interface RemediationLimit {
  readonly maxRemediation?: string | undefined
  readonly severityOrder: readonly string[]
}

/** `written`: how the user wrote the option. */
export function limitProblems({ maxRemediation, severityOrder }: RemediationLimit, written: string): readonly string[] {
  const known = [...severityOrder, 'allow']
  if (maxRemediation === undefined || known.includes(maxRemediation)) return []
  return [`${written}: expected one of ${known.join(', ')}, got ${JSON.stringify(maxRemediation)}`]
}
