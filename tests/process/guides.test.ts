/** The guides, followed to the letter on a fresh installation; only ports are others, since they may be taken. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Carillon, freePort, root, until } from '../carillon.ts'
import { Organisation } from '../interop/organisation.ts'

const folder = mkdtempSync(join(tmpdir(), 'carillon-guides-'))
const clone = join(folder, 'carillon')
const [first, second] = [await freePort(), await freePort()]
let carillon: Carillon

beforeAll(async () => {
  carillon = await Carillon.start({ CARILLON_WEBHOOK_ALLOW: '127.0.0.0/8' })
  execFileSync('git', ['clone', '--quiet', root, clone])
  for (const made of ['node_modules', 'dist']) symlinkSync(join(root, made), join(clone, made))
  symlinkSync(carillon.dataDir, join(clone, 'data'))
})

afterAll(async () => {
  await carillon?.destroy()
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
})

/** At once: a port that is put in may have the digits of the next one in it. */
function here(text: string): string {
  const ours = new Map([
    ['http://localhost:8080', carillon.url],
    ['3000', String(first)],
    ['3001', String(second)],
  ])
  return text.replace(/http:\/\/localhost:8080|300[01]/g, (its) => ours.get(its) ?? its)
}

/** Its programs are saved where it says, its commands come back. */
function follow(guide: string): string[] {
  const text = readFileSync(join(root, 'docs/guides', `${guide}.md`), 'utf8')
  for (const [, name = '', program = ''] of text.matchAll(/^```(?:js|ts) (\S+)\n([\s\S]*?)^```$/gm)) {
    writeFileSync(join(clone, name), here(program))
  }
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, commands = '']) => here(commands))
}

/** In one shell, whose background programs end with it. */
function shell(commands: string, environment: Record<string, string> = {}) {
  const port = new URL(carillon.url).port
  const child = spawn('bash', ['-uc', commands], {
    cwd: clone,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      CARILLON_HTTP_PORT: port,
      CARILLON_URL: carillon.url,
      CARILLON_API_KEY: carillon.instanceKey,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const seen = { text: '' }
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (seen.text += piece))
  const end = () => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL')
    } catch {
      // It ended by itself.
    }
  }
  return { seen, end }
}

it('first-webhook: the receiver takes the example, the test and the event', async () => {
  const { seen, end } = shell(follow('first-webhook').join('\n'))
  const has = (part: string | RegExp) => seen.text.match(part) !== null
  try {
    await until(
      () => has(/^call\.ended \S+ \(a test\)$/m),
      () => seen.text,
      40_000,
    )
    await until(
      () => has(/^key\.created \S+ \(a test\)$/m),
      () => seen.text,
      40_000,
    )
    await until(
      () => has(/^key\.created key_\S+ $/m),
      () => seen.text,
      40_000,
    )
    await until(
      () => has(/"status":"delivered"/),
      () => seen.text,
      40_000,
    )
  } finally {
    end()
  }
})

it('never-miss-an-event: every event once, through an end and a new start', async () => {
  const before = (await carillon.events('key.created')).length
  // Each time as long as a reader of the guide would wait: until the program has told of the keys that were made.
  const told = [1, 3].map(
    (made) => `until [ "$(grep -cs key.created events.txt)" = ${before + made} ]; do sleep 0.1; done`,
  )
  const commands = follow('never-miss-an-event').join('\n')
  const { seen, end } = shell(commands.replaceAll('sleep 3', () => told.shift() ?? ''))
  try {
    await until(
      () => /^1 /m.test(seen.text) && seen.text.match(/key\.created/g)?.length === before + 3,
      () => seen.text,
      60_000,
    )
    const numbers = [...seen.text.matchAll(/^(\d+) \S+$/gm)].map(([, seq]) => Number(seq))
    expect(numbers).toEqual(numbers.map((_, i) => i + 1))
    expect(told).toEqual([])
  } finally {
    end()
  }
})

it('screen-pop: opens the page of who calls, in a sandbox', async () => {
  const organisation = await Organisation.create(carillon, { sandbox: true })
  const number = '+9991234567'
  const alice = await organisation.telephone('1001')
  await organisation.direct(number, alice, 30)
  const [run = '', ring = ''] = follow('screen-pop')
  const account = { ACCOUNT: organisation.accountId }
  const popping = shell(run, account)
  const key = `KEY=${carillon.instanceKey}\n`
  try {
    await until(
      async () => {
        // It rings again until the loop has begun: before that nothing is shown.
        const ringing = shell(key + ring, account)
        await alice.phone.ringing()
        ringing.end()
        return /rings: https:\/\/crm\.example\.com\/search\?phone=%2B9990000100/.test(popping.seen.text)
      },
      () => popping.seen.text,
      60_000,
    )
    await until(
      () => popping.seen.text.includes('is over: CANCEL'),
      () => popping.seen.text,
      30_000,
    )
  } finally {
    popping.end()
    organisation.close()
  }
})
