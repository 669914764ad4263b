/**
 * A second attempt (`retry` in vitest.config.ts) begins as its file began: what was opened before all tests is closed and
 * opened anew. What the first attempt left behind would fail it for good: numbers that are taken, calls that go on,
 * processes that were killed, peers that still answer.
 *
 * So no test of such a file needs what those before it did, unless they are a `story`.
 */
import { beforeEach, type RunnerTestCase, type RunnerTestSuite, TestRunner } from 'vitest'
import { beginAttempt } from './carillon.ts'

/** Seven browsers that come into a meeting, or a whole story up to its last step. */
const patienceMs = 300_000

beforeEach(async ({ task }) => {
  if (!isSecond(task)) return
  beginAttempt()
  const suites = suitesAround(task)
  for (const suite of suites) for (const close of hooksOf(suite).afterAll.toReversed()) await close(suite)
  for (const suite of suites.toReversed()) for (const open of hooksOf(suite).beforeAll) await open(suite)
}, patienceMs)

/** The tests of the file are steps, each of which begins where the one before it ended: all of them are done again. */
export function story(): void {
  const steps: RunnerTestCase[] = []
  beforeEach(async ({ task }) => {
    if (!isSecond(task)) return void steps.push(task)
    for (const step of steps.slice(0, -1)) await TestRunner.getTestFn(step)()
  }, patienceMs)
}

const isSecond = (test: RunnerTestCase): boolean => (test.result?.retryCount ?? 0) > 0
const hooksOf = (suite: RunnerTestSuite) => TestRunner.getSuiteHooks(suite)

/** From within, the file last. */
function suitesAround({ suite, file }: RunnerTestCase): RunnerTestSuite[] {
  const suites: RunnerTestSuite[] = []
  for (let one = suite; one && one !== file; one = one.suite) suites.push(one)
  return [...suites, file]
}
