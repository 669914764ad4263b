import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { makeIfStale } from './product.ts'

let root: string
let made: number
let logged: string[]

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'carillon-product-'))
  // Read by the user that may not write to it.
  chmodSync(root, 0o755)
  made = 0
  logged = []
  mkdirSync(join(root, 'web/portal'), { recursive: true })
  write('tool.js', '')
  write('web/portal/page.ts', 'one')
})

afterEach(() => rmSync(root, { recursive: true, force: true }))

const write = (file: string, text: string) => writeFileSync(join(root, file), text)
const shown = () => readFileSync(join(root, 'web/dist/page.js'), 'utf8')
/** As a build: some time passes between its files. */
const copy = async (folder: string) => {
  made += 1
  mkdirSync(folder)
  const text = readFileSync(join(root, 'web/portal/page.ts'), 'utf8')
  await new Promise((resolve) => setImmediate(resolve))
  writeFileSync(join(folder, 'page.js'), text)
}
const build = (make = copy) =>
  makeIfStale(root, { name: 'pages', folder: 'web/dist', inputs: ['web', 'way.ts'], tool: 'tool.js', make }, (line) =>
    logged.push(line),
  )

/** Tests may run as root, whom no mode of a folder stops. */
async function withoutWriting(work: () => Promise<void>): Promise<void> {
  const isRoot = process.getuid?.() === 0
  if (isRoot) process.seteuid?.(65_534)
  else chmodSync(join(root, 'web'), 0o555)
  try {
    await work()
  } finally {
    if (isRoot) process.seteuid?.(0)
    else chmodSync(join(root, 'web'), 0o755)
  }
}

it('makes it once, and again when a source is another one', async () => {
  await build()
  await build()
  expect(made).toBe(1)
  write('web/portal/page.ts', 'two')
  await build()
  write('way.ts', 'another way')
  await build()
  expect([made, shown()]).toEqual([3, 'two'])
  write('web/portal/page.test.ts', 'tests are no source')
  await build()
  expect(made).toBe(3)
  expect(readdirSync(join(root, 'web')).sort()).toEqual(['dist', 'portal'])
})

it('leaves what was there when it fails, and nothing of the failure', async () => {
  await build()
  write('web/portal/page.ts', 'two')
  const failing = build(async (folder) => {
    mkdirSync(folder)
    expect(shown()).toBe('one')
    throw new Error('no memory')
  })
  await expect(failing).rejects.toThrow('no memory')
  expect(shown()).toBe('one')
  expect(readdirSync(join(root, 'web')).sort()).toEqual(['dist', 'portal'])
  await build()
  expect(shown()).toBe('two')
})

it('is whole when several make it at once', async () => {
  await build()
  write('web/portal/page.ts', 'two')
  await Promise.all([build(), build(), build()])
  expect(shown()).toBe('two')
  expect(readdirSync(join(root, 'web')).sort()).toEqual(['dist', 'portal'])
  expect(readdirSync(join(root, 'web/dist')).sort()).toEqual(['.sources', 'page.js'])
})

it('serves what is there where nothing can be written, and says so; with nothing there it says what is wrong', async () => {
  await build()
  write('web/portal/page.ts', 'two')
  await withoutWriting(async () => {
    await build()
    expect([made, shown()]).toEqual([1, 'one'])
    expect(logged.at(-1)).toMatch(/older than their sources/)
  })
  rmSync(join(root, 'web/dist'), { recursive: true })
  await withoutWriting(() => expect(build()).rejects.toThrow(/cannot be written to/))
})

it('takes what was shipped where there is nothing to build with', async () => {
  await build()
  write('web/portal/page.ts', 'two')
  rmSync(join(root, 'tool.js'))
  await build()
  expect(shown()).toBe('one')
  rmSync(join(root, 'web/dist'), { recursive: true })
  await expect(build()).rejects.toThrow('tool.js is not installed')
  expect(existsSync(join(root, 'web/dist'))).toBe(false)
})
