/**
 * Something that is made from sources and kept in a folder: made again when a digest of the sources says that it is older,
 * as a clone gives every file the same age.
 *
 * Invariant: several starts may share one installation. What is made is made beside and renamed into place, so that nobody
 * finds half of it, and a build that fails leaves what was there.
 */
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

export interface Product {
  readonly name: string
  readonly folder: string
  /** Files and folders of sources. */
  readonly inputs: readonly string[]
  /** The program that it is made with; a package of the finished product comes without. */
  readonly tool: string
  /** Into this folder, which is not there yet. */
  readonly make: (folder: string) => Promise<void>
}

/** Throws what failed. Paths of the product are below `root`. */
export async function makeIfStale(root: string, product: Product, log: (message: string) => void): Promise<void> {
  const { name, make } = product
  const folder = join(root, product.folder)
  const digest = digestOf(root, product.inputs)
  const mark = markOf(folder)
  if (mark === digest) return
  if (!existsSync(join(root, product.tool))) {
    if (mark !== null) return // installed without what builds: what was shipped is what there is
    throw new Error(`The ${name} are not built and ${product.tool} is not installed: run \`npm ci\`.`)
  }
  const beside = makeBeside(folder)
  if (beside === null) {
    if (mark === null) throw new Error(`The ${name} are not built and ${dirname(folder)} cannot be written to.`)
    log(`the ${name} are older than their sources and cannot be written: what is there is served`)
    return
  }
  log(`building the ${name} (first start, or they changed)`)
  try {
    const made = join(beside, building)
    await make(made)
    writeFileSync(join(made, markName), digest)
    putInPlace(made, folder, beside)
  } finally {
    rmSync(beside, { recursive: true, force: true })
  }
}

const markName = '.sources'

function markOf(folder: string): string | null {
  const file = join(folder, markName)
  return existsSync(file) ? readFileSync(file, 'utf8') : null
}

const besides = '.building-'
/** What looks at sources passes folders of this name over. */
const building = 'dist'

/** On the same file system, or a rename would not do. Null: nothing can be written there. */
function makeBeside(folder: string): string | null {
  try {
    mkdirSync(dirname(folder), { recursive: true })
    return mkdtempSync(join(dirname(folder), besides))
  } catch (error) {
    if (['EROFS', 'EACCES', 'EPERM'].includes(codeOf(error))) return null
    throw error
  }
}

/** Another start may do the same at this moment; of the same sources either is as good. */
function putInPlace(made: string, folder: string, beside: string): void {
  const digest = markOf(made)
  for (let attempt = 0; markOf(folder) !== digest; attempt += 1) {
    rename(folder, join(beside, `old-${attempt}`), 'ENOENT')
    if (rename(made, folder, 'ENOTEMPTY', 'EEXIST')) return
  }
}

/** False: it could not be, in one of the ways that another start explains. */
function rename(from: string, to: string, ...ways: readonly string[]): boolean {
  try {
    renameSync(from, to)
    return true
  } catch (error) {
    if (ways.includes(codeOf(error))) return false
    throw error
  }
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '')

function digestOf(root: string, inputs: readonly string[]): string {
  const hash = createHash('sha256')
  for (const input of inputs) {
    for (const file of filesOf(root, input)) {
      const bytes = readFileSync(join(root, file))
      hash.update(file).update('\0').update(bytes).update('\0')
    }
  }
  return hash.digest('hex')
}

/** Neither tests nor what is made or being made, which may vanish at any moment. */
function filesOf(root: string, path: string): string[] {
  if (!existsSync(join(root, path))) return []
  if (/\.\w+$/.test(path)) return [path]
  const files = readdirSync(join(root, path), { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) {
      const isMade = entry.name === building || entry.name.startsWith(besides)
      return isMade ? [] : filesOf(root, join(path, entry.name))
    }
    return entry.isFile() && !/\.test\.tsx?$/.test(entry.name) ? [join(path, entry.name)] : []
  })
  return files.sort()
}
