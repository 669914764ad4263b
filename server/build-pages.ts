/**
 * Builds web/ into web/dist when that is missing or older than its sources, so that `npm start` is enough. Stale is told
 * by a digest of the sources, because a clone gives every file the same age.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'web/dist')
const mark = join(dist, '.sources')
const vite = join(root, 'node_modules/vite/bin/vite.js')
/** Brotli takes seconds for more. */
const largestBrotli = 2_000_000
const inputs = ['web', 'contract', 'vite.config.ts', 'lingui.config.ts', 'package-lock.json']

export async function buildPages(log: (message: string) => void): Promise<void> {
  const digest = digestOfSources()
  if (existsSync(mark) && readFileSync(mark, 'utf8') === digest) return
  if (!existsSync(vite)) {
    if (existsSync(mark)) return // installed without what builds: what was shipped is what there is
    throw new Error('The pages are not built and Vite is not installed: run `npm ci`.')
  }
  log('building the pages (first start, or they changed)')
  await run([vite, 'build', '--logLevel', 'warn'])
  await run([join(import.meta.dirname, 'build-reference.ts'), join(dist, 'assets/scalar.js')])
  compress(join(dist, 'assets'))
  writeFileSync(mark, digest)
}

function digestOfSources(): string {
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
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`The pages could not be built:\n${output}`))))
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
