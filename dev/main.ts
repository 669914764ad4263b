/**
 * `npm run dev`: the product with a world in it and its own data folder; what changes in the sources is served at once.
 * `npm run dev -- --fresh` begins with an empty folder.
 */
import { mkdirSync, rmSync, watch } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { build } from '../server/build.ts'
import { readConfig } from '../server/config.ts'
import { readCredentials } from '../server/credentials-file.ts'
import { onStop } from '../server/stop.ts'
import { Supervisor } from '../server/supervisor.ts'
import { FakeCarrier } from './fake-carrier.ts'
import { formatWorld, seed } from './seed.ts'

const root = join(import.meta.dirname, '..')
const settleMs = 150
/** Trunks are told apart by address; elsewhere there is one address of loopback, which phones then must not use. */
const carrierAddress = process.platform === 'linux' ? '127.0.0.2' : '127.0.0.1'

process.env.CARILLON_DATA_DIR ??= join(root, 'data-dev')
process.env.CARILLON_LOG_LEVEL ??= 'warn'
const config = readConfig(process.env)
const log = pino({ level: config.logLevel, base: null })
if (process.argv.includes('--fresh')) rmSync(config.dataDir, { recursive: true, force: true })
mkdirSync(config.dataDir, { recursive: true })

const supervisor = new Supervisor(config, log)
const carrier = await FakeCarrier.start({
  address: carrierAddress,
  port: 0,
  to: { address: '127.0.0.1', port: config.sipPort },
})
onStop({ watchParent: config.isStartedByNpm }, () => {
  carrier.close()
  return supervisor.stop()
})
await supervisor.start()
const place = { address: carrierAddress, port: carrier.port }
console.log(formatWorld(await seed({ config, instanceApiKey: readCredentials(config).instanceApiKey, carrier: place })))
follow(['server', 'contract', 'engine'], async () => supervisor.restartControls())
follow(['web'], async () => {
  await build(console.log)
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
