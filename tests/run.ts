/**
 * `npm test`: everything, on a bare machine. It installs the Debian programs that the tests drive when they are missing
 * and it may, builds the pages, checks types and style, and runs every suite. `npm run test:fast` is the quick part.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { text } from 'node:stream/consumers'
import { buildAll } from '../server/build.ts'

const root = join(import.meta.dirname, '..')
const bin = join(root, 'node_modules/.bin')
const environment: NodeJS.ProcessEnv = { ...process.env, PATH: `${bin}:${process.env.PATH}` }

/** What a suite drives, and the Debian package that has it. */
const programs = {
  '/usr/bin/chromium': 'chromium',
  '/usr/bin/firefox-esr': 'firefox-esr',
  '/usr/bin/ffmpeg': 'ffmpeg',
  '/usr/bin/turnserver': 'coturn',
  '/usr/bin/curl': 'curl',
  '/sbin/ip': 'iproute2',
  '/usr/bin/sipp': 'sip-tester',
  '/usr/bin/baresip': 'baresip',
  '/usr/bin/sipsak': 'sipsak',
  '/usr/sbin/kamailio': 'kamailio',
  '/usr/lib/postgresql/15/bin/postgres': 'postgresql-15',
}

type Step = readonly [string, ...string[]]
/** What takes longest is first. */
const steps: readonly Step[] = [
  ['tsc', '-p', '.'],
  ['tsc', '-p', 'web'],
  ['depcruise', '--config', '.dependency-cruiser.mjs', 'contract', 'engine', 'server', 'web', 'dev'],
  ['biome', 'check', '.'],
  ['tsc', '-p', 'engine'],
]
/** Those of a line run beside each other, so that no worker is idle while the last file of a suite takes its time. */
const suites = [['fast', 'pg15'], ['process', 'interop'], ['browser']]

installPrograms()
await buildAll((message) => console.log(message))
const failed = (await failedSteps()).map((step) => step.join(' '))
const total = { passed: 0, failed: 0, skipped: 0 }
const complaints: string[] = []
for (const suite of suites) if (!runSuites(suite)) failed.push(suite.join(' and '))
for (const complaint of complaints) console.log(`\n${complaint}`)
if (failed.length > 0) console.log(`\nFailed: ${failed.join(', ')}`)
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exit(failed.length > 0 ? 1 : 0)

function installPrograms(): void {
  const missing = Object.entries(programs).filter(([path]) => !existsSync(path))
  if (missing.length === 0) return
  const packages = missing.map(([, name]) => name)
  const line = `apt-get install -y --no-install-recommends ${packages.join(' ')}`
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    console.error(`Programs that the tests drive are missing. Install them:\n\n  sudo ${line}\n`)
    process.exit(1)
  }
  console.log(`installing ${packages.join(', ')}`)
  const quiet = { ...environment, DEBIAN_FRONTEND: 'noninteractive' }
  for (const command of ['apt-get update', line]) {
    const result = spawnSync(command, { shell: true, stdio: 'inherit', env: quiet })
    if (result.status !== 0) process.exit(1)
  }
}

/** Two at a time: most of each is one thread's work. What one says comes in one piece. */
async function failedSteps(): Promise<Step[]> {
  const [waiting, failures]: [Step[], Step[]] = [[...steps], []]
  const work = async () => {
    for (let step = waiting.shift(); step; step = waiting.shift()) if (!(await check(step))) failures.push(step)
  }
  await Promise.all([work(), work()])
  return failures
}

async function check([program, ...flags]: Step): Promise<boolean> {
  const startedAt = performance.now()
  const child = spawn(program, flags, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: environment })
  const [said, complained, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  process.stdout.write(said + complained)
  return tell(status === 0, [program, ...flags], startedAt)
}

function run(program: string, flags: readonly string[]): boolean {
  const startedAt = performance.now()
  const result = spawnSync(program, flags, { cwd: root, stdio: 'inherit', env: environment })
  return tell(result.status === 0, [program, ...flags], startedAt)
}

function tell(isGood: boolean, step: Step, startedAt: number): boolean {
  console.log(`${isGood ? 'ok' : 'FAILED'}  ${step.join(' ')}  ${seconds(startedAt)}`)
  return isGood
}

function runSuites(suite: readonly string[]): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-results-'))
  const results = join(folder, 'results.json')
  const projects = suite.map((name) => `--project=${name}`)
  const attempts = join(folder, 'attempts.txt')
  environment.CARILLON_SECOND_ATTEMPTS = attempts
  const reporters = ['default', 'json', './tests/second-attempts.ts'].map((name) => `--reporter=${name}`)
  const isGood = run('vitest', ['run', ...projects, ...reporters, `--outputFile.json=${results}`])
  if (existsSync(attempts)) complaints.push(readFileSync(attempts, 'utf8'))
  if (existsSync(results)) {
    const counts = JSON.parse(readFileSync(results, 'utf8'))
    total.passed += counts.numPassedTests
    total.failed += counts.numFailedTests
    total.skipped += counts.numPendingTests + counts.numTodoTests
    complaints.push(...counts.testResults.flatMap((file: FileResult) => failuresOf(file)))
  }
  rmSync(folder, { recursive: true })
  return isGood
}

/** What a file's JSON report says of it; `message` is of a file that did not come to its tests. */
interface FileResult {
  readonly name: string
  readonly status: string
  readonly message: string
  readonly assertionResults: readonly {
    readonly fullName: string
    readonly status: string
    readonly failureMessages: readonly string[]
  }[]
}

/** Told again at the end: the middle of a long log is what is cut out first. */
function failuresOf({ name, status, message, assertionResults }: FileResult): string[] {
  const file = `FAILED  ${relative(root, name)}`
  const tests = assertionResults
    .filter((test) => test.status === 'failed')
    .map(({ fullName, failureMessages }) => `${file}: ${fullName}\n${failureMessages.join('\n')}`)
  return status === 'failed' && tests.length === 0 ? [`${file}\n${message}`] : tests
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`
}
