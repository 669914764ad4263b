/**
 * Builds what is not run as it is written: the pages, and for projects that have this package below their node_modules,
 * where Node reads no TypeScript, the client and the command line. It does so when that is missing or older than its
 * sources, so that `npm start` is enough. Stale is told by a digest of the sources, because a clone gives every file the
 * same age.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const root = join(import.meta.dirname, '..')
const vite = join(root, 'node_modules/vite/bin/vite.js')
/** TypeScript 7, as it needs a fifth of the time of its forerunner. */
const tsc = join(root, 'node_modules/ts7/bin/tsc')
/** Brotli takes seconds for more. */
const largestBrotli = 2_000_000

interface Product {
  readonly name: string
  readonly folder: string
  readonly inputs: readonly string[]
  readonly make: (folder: string) => Promise<void>
}

const started: readonly Product[] = [
  {
    name: 'pages',
    folder: 'web/dist',
    inputs: ['web', 'contract', 'vite.config.ts', 'lingui.config.ts', 'package-lock.json'],
    make: makePages,
  },
  {
    name: 'client and command line',
    folder: 'dist/programs',
    inputs: ['contract', 'server/cli', 'server/config.ts', 'server/credentials-file.ts', 'server/build-programs.ts'],
    make: (folder) => run([join(import.meta.dirname, 'build-programs.ts'), folder]),
  },
]
const types: Product = {
  name: 'types of the client',
  folder: 'dist/types',
  inputs: ['contract', 'tsconfig.json'],
  make: (folder) => run([tsc, '-p', 'contract', '--outDir', folder]),
}

/** What a start needs. The compiler takes seconds of a whole core, for what only compilers read. */
export async function build(log: (message: string) => void): Promise<void> {
  await Promise.all(started.map((product) => makeIfStale(product, log)))
}

/** The same and the types of the client, which a package has: `npm run build`. */
export async function buildAll(log: (message: string) => void): Promise<void> {
  await build(log)
  await makeIfStale(types, log)
}

async function makeIfStale(product: Product, log: (message: string) => void): Promise<void> {
  const { name, inputs, make } = product
  const folder = join(root, product.folder)
  const mark = join(folder, '.sources')
  const digest = digestOf(inputs)
  if (existsSync(mark) && readFileSync(mark, 'utf8') === digest) return
  if (!existsSync(vite)) {
    if (existsSync(mark)) return // installed without what builds: what was shipped is what there is
    throw new Error(`The ${name} are not built and Vite is not installed: run \`npm ci\`.`)
  }
  log(`building the ${name} (first start, or they changed)`)
  rmSync(folder, { recursive: true, force: true })
  await make(folder)
  writeFileSync(mark, digest)
}

async function makePages(folder: string): Promise<void> {
  const assets = join(folder, 'assets')
  await run([vite, 'build', '--logLevel', 'warn'])
  await run([join(import.meta.dirname, 'build-reference.ts'), join(assets, 'scalar.js')])
  compress(assets)
}

function digestOf(inputs: readonly string[]): string {
  const hash = createHash('sha256')
  for (const input of inputs) {
    for (const file of filesOf(input))
      hash
        .update(file)
        .update('\0')
        .update(readFileSync(join(root, file)))
        .update('\0')
  }
  return hash.digest('hex')
}

function filesOf(path: string): string[] {
  if (!existsSync(join(root, path))) return []
  if (/\.\w+$/.test(path)) return [path]
  return readdirSync(join(root, path), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.test\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((file) => !file.startsWith('web/dist/'))
    .sort()
}

function run(program: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, program, { cwd: root })
    let output = ''
    child.stdout.on('data', (text) => (output += text))
    child.stderr.on('data', (text) => (output += text))
    child.on('error', reject)
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`The build failed:\n${output}`))))
  })
}

/** Once at the build, so that serving costs nothing. */
function compress(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!/\.(js|css|svg|json)$/.test(name)) continue
    const file = join(folder, name)
    const bytes = readFileSync(file)
    writeFileSync(`${file}.gz`, gzipSync(bytes))
    if (bytes.length > largestBrotli) continue
    writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }))
  }
}

if (import.meta.main) await buildAll(console.log)
