/**
 * `npm run dev`: the product with a world in it and its own data folder; what changes in the sources is served at once.
 * `npm run dev -- --fresh` begins with an empty folder.
 */
import { mkdirSync, rmSync, watch } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { buildPages } from '../server/build-pages.ts'
import { readConfig } from '../server/config.ts'
import { readCredentials } from '../server/credentials-file.ts'
import { onStop } from '../server/stop.ts'
import { Supervisor } from '../server/supervisor.ts'
import { formatWorld, seed } from './seed.ts'

const root = join(import.meta.dirname, '..')
const settleMs = 150

process.env.CARILLON_DATA_DIR ??= join(root, 'data-dev')
process.env.CARILLON_LOG_LEVEL ??= 'warn'
const config = readConfig(process.env)
const log = pino({ level: config.logLevel, base: null })
if (process.argv.includes('--fresh')) rmSync(config.dataDir, { recursive: true, force: true })
mkdirSync(config.dataDir, { recursive: true })

const supervisor = new Supervisor(config, log)
onStop({ watchParent: config.isStartedByNpm }, () => supervisor.stop())
await supervisor.start()
console.log(formatWorld(await seed({ config, instanceApiKey: readCredentials(config).instanceApiKey })))
follow(['server', 'contract', 'engine'], async () => supervisor.restartControls())
follow(['web'], async () => {
  await buildPages(console.log)
  supervisor.restartControls()
})

/** Several files are saved at once; they count as one change. */
function follow(folders: readonly string[], act: () => Promise<void>): void {
  let timer: NodeJS.Timeout | undefined
  for (const folder of folders) {
    watch(join(root, folder), { recursive: true }, (_kind, file) => {
      if (file?.startsWith('dist') || file?.endsWith('.test.ts')) return
      clearTimeout(timer)
      timer = setTimeout(() => act().catch((error: Error) => console.error(error.message)), settleMs)
    })
  }
}
