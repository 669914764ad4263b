/** The package as another project has it: packed, unpacked below node_modules, with nothing beside it but what is said. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Carillon, root } from '../carillon.ts'

const project = mkdtempSync(join(tmpdir(), 'carillon-package-'))
const installed = join(project, 'node_modules/carillon')
let carillon: Carillon

beforeAll(async () => {
  carillon = await Carillon.start()
  const npm = ['run', 'package', '--offline', '--', '--pack-destination', project]
  execFileSync('npm', npm, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  const [tarball = ''] = readdirSync(project)
  mkdirSync(installed, { recursive: true })
  execFileSync('tar', ['-xzf', join(project, tarball), '-C', installed, '--strip-components', '1'])
  writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module' }))
}, 300_000)

afterAll(async () => {
  await carillon?.destroy()
  rmSync(project, { recursive: true, force: true })
})

/** Makes dependencies of the package stand beside it, as npm does. */
function install(...names: string[]): void {
  for (const name of names) {
    const at = join(project, 'node_modules', name)
    mkdirSync(join(at, '..'), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), at)
  }
}

function run(program: string, args: readonly string[]) {
  const { PATH } = process.env
  const environment = { PATH, CARILLON_URL: carillon.url, CARILLON_API_KEY: carillon.instanceKey }
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: project, env: environment, encoding: 'utf8' })
  return { status, stdout, stderr }
}

/** Every way of the client: a call, a refusal, and events. */
const program = `import { ApiFailure, createClient } from 'carillon/client'

const client = createClient({ url: String(process.env.CARILLON_URL), apiKey: String(process.env.CARILLON_API_KEY) })
const { data } = await client.call('GET /v3.0/whoami')
const { cursor } = await client.call('GET /v3.0/realtime/calls')
const made = await client.call('PUT /v3.0/keys', { body: { data: { name: 'Packed', scopes: ['events'] } } })
for await (const event of client.events({ type: 'key.created', after: cursor })) {
  console.log([data.role, event.type, event.resource.id === made.data.id, event.data?.key.name].join())
  break
}
try {
  await client.call('GET /v3.0/devices/{id}', { params: { id: 'f'.repeat(24) } })
} catch (error) {
  if (!(error instanceof ApiFailure)) throw error
  console.log(error.status)
}
`

it('its client runs in plain Node, without any other package', () => {
  writeFileSync(join(project, 'program.mjs'), program)
  const expected = { status: 0, stdout: 'instance,key.created,true,Packed\n404\n', stderr: '' }
  expect(run(process.execPath, ['program.mjs'])).toEqual(expected)
  const code = readFileSync(join(installed, 'dist/programs/client.js'))
  expect(gzipSync(code).length).toBeLessThan(8_000)
})

it('its client is typed, with the declarations of its one dependency', () => {
  install('zod')
  writeFileSync(
    join(project, 'program.ts'),
    `declare const process: { env: Record<string, string | undefined> }\n${program}`,
  )
  writeFileSync(
    join(project, 'wrong.ts'),
    `import { createClient, type EventOf } from 'carillon/client'
const client = createClient()
// @ts-expect-error there is no such operation
await client.call('GET /v3.0/nothing')
// @ts-expect-error there is no such field
await client.call('PUT /v3.0/devices', { body: { data: { nmae: 'x' } } })
export function read(event: EventOf<'call.ended'>): string | undefined {
  // @ts-expect-error there is no such field
  event.data?.call.hangup_clause
  return event.data?.call.caller.number
}
`,
  )
  const compilerOptions = { target: 'ES2024', module: 'NodeNext', strict: true, noEmit: true, types: [] }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
  for (const [compiler = '', ...flags] of [['typescript', '--skipLibCheck'], ['ts7']]) {
    const tsc = join(root, 'node_modules', compiler, 'bin/tsc')
    expect(run(process.execPath, [tsc, '-p', '.', ...flags]), compiler).toEqual({ status: 0, stdout: '', stderr: '' })
  }
}, 240_000) // two compilers, on cores that others use too

it('its command line runs', () => {
  install('standardwebhooks')
  const { status, stdout } = run(process.execPath, [join(installed, 'server/cli/carillon.js'), 'whoami', '--json'])
  expect([status, JSON.parse(stdout).role]).toEqual([0, 'instance'])
  const wrong = run(process.execPath, [join(installed, 'server/cli/carillon.js'), 'trigger', 'call.ended'])
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('--forward-to')])
})

it('holds what runs, and neither tests nor data', () => {
  const files = readdirSync(installed, { recursive: true, encoding: 'utf8' })
  expect(files).toEqual(expect.arrayContaining(['web/dist/portal/index.html', 'server/main.ts', 'docs/events.md']))
  expect(files.filter((file) => /^(?:tests|data|node_modules)\b|\.test\./.test(file))).toEqual([])
})
