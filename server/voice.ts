/**
 * The voice process: SIP sockets, registrations and calls, and nothing else, because a stall of some milliseconds
 * overflows a socket's buffer. Sound is the media worker's; configuration is read into memory; what calls record goes
 * through one writer.
 */
import { randomBytes } from 'node:crypto'
import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import type { ClientConfig } from 'pg'
import { createSigner, readMasterKey } from './auth/signing.ts'
import { createVault } from './auth/vault.ts'
import { readConfig } from './config.ts'
import { type ControlParts, runControlProgram } from './control-program.ts'
import { workerSocketPath } from './media/worker-process.ts'
import { makeRecordingFolder } from './recording/files.ts'
import { openDatabase } from './store/database.ts'
import { mediaFile } from './store/media-files.ts'
import { realmOf } from './store/telephony.ts'
import { readSipTls } from './tls.ts'
import { bridgeSocketPath } from './voice/bridge-frames.ts'
import { readConfiguration } from './voice/configuration.ts'
import { Control } from './voice/control.ts'
import { voiceSocketPath } from './voice/control-protocol.ts'
import { Directories } from './voice/directories.ts'
import { Sandbox } from './voice/sandbox.ts'
import { Spool } from './voice/spool.ts'
import { Switch } from './voice/switch.ts'
import { WriterThread } from './voice/writer-thread.ts'

const config = readConfig(process.env)
/** One voice process for each data folder; its name stays over restarts. */
const node = 'voice-0'

runControlProgram({
  name: 'voice',
  logLevel: config.logLevel,
  takenPort: `SIP port ${config.sipPort} (or ${config.sipPort + 1} for TLS) is taken, or one of CARILLON_SIP_EXTRA_PORTS: set CARILLON_SIP_PORT to a free one.`,
  start,
})

async function start(connection: ClientConfig, { log, stops }: ControlParts): Promise<void> {
  // Before anything that two at once would spoil.
  const session = await WriterThread.take(connection, node)
  const database = openDatabase({ ...connection, max: 4 })
  stops.push(() => database.destroy())
  const masterKey = await readMasterKey(config.dataDir)
  const vault = createVault(masterKey)
  const host = new URL(config.publicUrl).hostname.replace(/^\[|\]$/g, '')
  const sandbox = new Sandbox({ listenIp: config.mediaIp, voicePort: config.sipPort, log })
  const directories = new Directories({
    load: (accountId) => readConfiguration(database, accountId, vault),
    fileOf: (media) => mediaFile(database, config.dataDir, media),
    realmOf: (account) => realmOf(account, host),
    sandbox: () => (sandbox.port === null ? null : { address: sandbox.address, port: sandbox.port }),
  })
  await directories.reload(null)
  if (directories.hasSandbox) {
    await sandbox.start()
    await directories.reload(null)
  }
  await makeRecordingFolder(config.dataDir)
  const telephony = new Switch({
    node,
    connection,
    session,
    database,
    directories,
    log,
    signer: createSigner(masterKey),
    spool: await Spool.open(join(config.dataDir, 'voice-spool.ndjson')),
    epoch: randomBytes(4).toString('hex'),
    sip: {
      listenIp: config.mediaIp,
      port: config.sipPort,
      extraPorts: config.sipExtraPorts,
      mostPerAddress: config.sipConnectionsPerIp,
      bridgePath: bridgeSocketPath(config.dataDir),
      tls: readSipTls(config),
    },
    network: { localNets: config.localNets, publicIps: config.publicIps ?? [] },
    rtpPorts: config.rtpPorts,
    workerSocket: (worker) => workerSocketPath(config.dataDir, worker),
    dataDir: config.dataDir,
    sandbox,
    wrote: () => control.wrote(),
    phonesChanged: () => control.phonesChanged(),
  })
  const control = new Control(voiceSocketPath(config.dataDir), telephony)
  stops.push(() => telephony.stop())
  await telephony.start()
  stops.push(async () => control.close())
  await control.open()
  flushCompileCache()
}
