/** A reporter for CI: a test that was skipped fails the run, and the last line counts what ran. */

import type { Reporter, TestModule } from 'vitest/node'

export default class EveryTestRan implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const named = (state: string) => tests.filter((test) => test.result().state === state)
    const skipped = [...named('skipped'), ...named('pending')]
    for (const test of skipped) process.stdout.write(`skipped: ${test.fullName}\n`)
    if (skipped.length > 0 || tests.length === 0) process.exitCode = 1
    process.stdout.write(
      `${named('passed').length} passed, ${named('failed').length} failed, ${skipped.length} skipped\n`,
    )
  }
}
