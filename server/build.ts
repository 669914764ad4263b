/**
 * Builds what is not run as it is written: the pages, and for projects that have this package below their node_modules,
 * where Node reads no TypeScript, the client and the command line. It does so when that is missing or older than its
 * sources, so that `npm start` is enough.
 */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { makeIfStale, type Product } from './product.ts'

const root = join(import.meta.dirname, '..')
const tool = 'node_modules/vite/bin/vite.js'
/** TypeScript 7, as it needs a fifth of the time of its forerunner. */
const tsc = 'node_modules/ts7/bin/tsc'
/** How things are made is a part of what they are made from. */
const ways = ['server/build.ts', 'server/product.ts']
/** Brotli takes seconds for more. */
const largestBrotli = 2_000_000

const started: readonly Product[] = [
  {
    name: 'pages',
    folder: 'web/dist',
    inputs: [
      'web',
      'contract',
      'vite.config.ts',
      'lingui.config.ts',
      'package-lock.json',
      ...ways,
      'server/build-reference.ts',
    ],
    tool,
    make: makePages,
  },
  {
    name: 'client and command line',
    folder: 'dist/programs',
    inputs: [
      'contract',
      'server/cli',
      'server/config.ts',
      'server/credentials-file.ts',
      ...ways,
      'server/build-programs.ts',
    ],
    tool,
    make: (folder) => run([join(import.meta.dirname, 'build-programs.ts'), folder]),
  },
]
const types: Product = {
  name: 'types of the client',
  folder: 'dist/types',
  inputs: ['contract', 'tsconfig.json', ...ways],
  tool: tsc,
  make: (folder) => run([tsc, '-p', 'contract', '--outDir', folder]),
}

/** What a start needs. The compiler takes seconds of a whole core, for what only compilers read. */
export async function build(log: (message: string) => void): Promise<void> {
  await Promise.all(started.map((product) => makeIfStale(root, product, log)))
}

/** The same and the types of the client, which a package has: `npm run build`. */
export async function buildAll(log: (message: string) => void): Promise<void> {
  await build(log)
  await makeIfStale(root, types, log)
}

async function makePages(folder: string): Promise<void> {
  const assets = join(folder, 'assets')
  await run([tool, 'build', '--logLevel', 'warn', '--outDir', folder])
  await run([join(import.meta.dirname, 'build-reference.ts'), join(assets, 'scalar.js')])
  compress(assets)
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
