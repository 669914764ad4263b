/**
 * `npm run bench:start`: from a clean clone to serving. Cold: `npm ci && npm start` with an empty data folder; warm: the
 * second start; idle: the sum of PSS of all processes half a minute later (npm itself left out).
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort, root } from '../carillon.ts'

const idleMs = 30_000
const folder = mkdtempSync(join(tmpdir(), 'carillon-bench-'))
const clone = join(folder, 'clone')
const environment = {
  PATH: process.env.PATH?.split(':')
    .filter((path) => !path.includes('node_modules'))
    .join(':'),
  HOME: process.env.HOME,
  CARILLON_HTTP_PORT: String(await freePort()),
  CARILLON_WEBRTC_PORT: String(await freePort()),
}

try {
  execFileSync('git', ['clone', '--quiet', root, clone])
  const coldAt = performance.now()
  const installed = spawnSync('npm', ['ci'], { cwd: clone, env: environment })
  if (installed.status !== 0) throw new Error(String(installed.stderr))
  const installMs = performance.now() - coldAt
  const first = await start()
  console.log(
    `npm ci ${seconds(installMs)}, first start ${seconds(first.ms)}, together ${seconds(installMs + first.ms)}`,
  )
  await first.stop()
  const second = await start()
  console.log(`warm start ${seconds(second.ms)}`)
  await wait(idleMs)
  console.log(`idle ${Math.round(pssOf(second.pid) / 1024)} MB (sum of PSS)`)
  await second.stop()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function start() {
  const startedAt = performance.now()
  const child = spawn('npm', ['start'], { cwd: clone, env: environment, stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.resume()
  const isReady = () =>
    fetch(`http://127.0.0.1:${environment.CARILLON_HTTP_PORT}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
  while (!(await isReady())) await wait(10)
  const ms = performance.now() - startedAt
  const stop = async () => {
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await gone
  }
  return { ms, pid: child.pid ?? 0, stop }
}

/** npm's script is `exec node`, so below npm there is a shell at most. */
function pssOf(npm: number): number {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const about = all.flatMap((name) => {
    try {
      const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1])
      return [{ pid: Number(name), parent, command: readFileSync(`/proc/${name}/cmdline`, 'utf8') }]
    } catch {
      return []
    }
  })
  const ours = new Set([npm])
  for (const { pid, command } of about) if (command.includes(clone) && pid !== process.pid) ours.add(pid)
  for (let before = 0; before !== ours.size; ) {
    before = ours.size
    for (const { pid, parent } of about) if (ours.has(parent)) ours.add(pid)
  }
  ours.delete(npm)
  let kilobytes = 0
  for (const pid of ours) {
    const pss = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]
    kilobytes += Number(pss ?? 0)
  }
  return kilobytes
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
