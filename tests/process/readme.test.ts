/** The README's commands, run as they stand in a clean clone (but for the port, which may be taken). */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { freePort, root, until } from '../carillon.ts'

/** To install, build and start on cores that others use too. */
const startMs = 300_000

const readme = readFileSync(join(root, 'README.md'), 'utf8')
const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '')
const folder = mkdtempSync(join(tmpdir(), 'carillon-readme-'))
const clone = join(folder, 'clone')
const port = await freePort()
/** As on a machine that has Node 20 and nothing of ours. */
const path = process.env.PATH?.split(':').filter((one) => !one.includes('node_modules'))
const environment = {
  PATH: path?.join(':'),
  HOME: process.env.HOME,
  CARILLON_HTTP_PORT: String(port),
  CARILLON_WEBRTC_PORT: String(await freePort()),
  CARILLON_SIP_PORT: String(await freePort(2)),
}
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))

it('is short, and its other commands are scripts', () => {
  expect(readme.split('\n').length).toBeLessThanOrEqual(81)
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const named = [...readme.matchAll(/`(?:npm run )?(?:npm )?((?:bench|test):[a-z]+)`/g)].map((match) => match[1] ?? '')
  expect(named.length).toBeGreaterThan(3)
  for (const name of named) expect(scripts, name).toHaveProperty([name])
})

it('starts from a clone, makes phones, and schedules a meeting whose page is there', async () => {
  execFileSync('git', ['clone', '--quiet', root, clone])
  const [start = '', phones = '', first = '', dev = ''] = blocks
  expect(start.trim()).toBe('npm ci && npm start')
  const child = spawn('bash', ['-c', start], { cwd: clone, env: environment, stdio: 'ignore', detached: true })
  const gone = once(child, 'exit')
  try {
    const isReady = () => {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`)
      return fetch(`http://127.0.0.1:${port}/readyz`)
        .then(({ ok }) => ok)
        .catch(() => false)
    }
    await until(isReady, 'ready', startMs)
    const run = (commands: string) =>
      execFileSync('bash', ['-euc', commands.replaceAll('localhost:8080', `localhost:${port}`)], {
        cwd: clone,
        env: environment,
        encoding: 'utf8',
      })
    expect(run(phones)).toMatch(/^realm \S+\n(phone 100\d \S+ \S+\n){4}/)
    const output = run(first)
    const { responseCode, data } = JSON.parse(output)
    expect([responseCode, data.topic, data.isOpen]).toEqual([0, 'Hello', true])
    const page = await fetch(data.joinUrl)
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(dev.trim()).toBe('npm run dev -- --fresh')
  } finally {
    if (child.exitCode === null) process.kill(-(child.pid ?? 0), 'SIGTERM')
    await gone
    // The shell is gone at once, the server when its database has closed its files.
    await until(() => !existsSync(join(clone, 'data/postgres/cluster/postmaster.pid')), 'the server has ended', 60_000)
  }
}, 420_000)
