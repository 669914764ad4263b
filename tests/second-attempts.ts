/** A reporter for tests/run.ts: which tests passed only when they were tried again, and why they did not at first. */
import { appendFileSync } from 'node:fs'
import type { Reporter, TestCase } from 'vitest/node'

export default class SecondAttempts implements Reporter {
  onTestCaseResult(test: TestCase): void {
    const file = process.env.CARILLON_SECOND_ATTEMPTS
    if (!file || !test.diagnostic()?.flaky) return
    const reasons = test.result().errors?.map(({ message }) => message) ?? []
    appendFileSync(file, `AGAIN   ${test.module.relativeModuleId}: ${test.fullName}\n${reasons.join('\n')}\n`)
  }
}
