/** What is wrong with options about reporting only when they are seen together. */

import type { OptionName } from '../options/options.js'

export interface ReportValues {
  readonly report: boolean
  readonly reportScenario?: string | undefined
  readonly capiScenarios: readonly string[]
}

/** Sentences, none where all is well. `nameOf`: how an option was written. */
export function reportProblems(values: ReportValues, nameOf: (option: OptionName) => string): readonly string[] {
  const { report, reportScenario, capiScenarios } = values
  const problems: string[] = []
  if (report && capiScenarios.length === 0) {
    problems.push(
      `${nameOf('report')}: needs ${nameOf('capiScenarios')} beside it, since each signal names one of them`,
    )
  }
  if (report && reportScenario !== undefined && capiScenarios.length > 0 && !capiScenarios.includes(reportScenario)) {
    const scenarios = nameOf('capiScenarios')
    problems.push(`${nameOf('reportScenario')}: expected one of ${scenarios}, got ${JSON.stringify(reportScenario)}`)
  }
  return problems
}
