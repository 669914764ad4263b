/**
 * One installation at a time on a data folder: a second one would adopt the first one's database and media workers, and
 * end them when it stops. Whoever runs listens at a socket in the folder, which is gone with its process however it ends.
 */
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { ConfigError } from './config.ts'
import { unixSocketPath } from './media/worker-process.ts'

/** Held until the process ends. Throws when another one holds it. */
export async function holdDataFolder(dataDir: string): Promise<void> {
  const path = unixSocketPath(dataDir, 'supervisor.sock')
  if (await isHeld(path)) {
    throw new ConfigError(
      `Carillon runs on ${dataDir} already: stop it, or set CARILLON_DATA_DIR (and ports of its own) for another one.`,
    )
  }
  rmSync(path, { force: true }) // of one that was killed
  const server = createServer((socket) => socket.destroy())
  server.listen(path)
  await once(server, 'listening')
  server.unref()
}

async function isHeld(path: string): Promise<boolean> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
