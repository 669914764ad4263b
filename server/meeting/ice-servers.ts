/** Time-limited TURN credentials, as coturn's `use-auth-secret` reads them (M19). */
import { createHmac } from 'node:crypto'
import type { Config } from '../config.ts'

const lifeSeconds = 24 * 3600

export function iceServers(config: Config, name: string, now: number) {
  if (!config.turn) return []
  const username = `${Math.floor(now / 1000) + lifeSeconds}:${name}`
  // NOTE: HMAC-SHA-1 is what the scheme says; it proves a name to our own TURN server and nothing else.
  const credential = createHmac('sha1', config.turn.secret).update(username).digest('base64')
  return [{ urls: [...config.turn.urls], username, credential }]
}
