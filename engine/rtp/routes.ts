/** What becomes of a received packet, by its payload type: made once for each description and bridge, not for each packet. */
import { isLaw, recoded } from './g711.ts'
import type { RemoteCodec, RemoteMedia } from './messages.ts'
import { type Speech, speechOf } from './speech.ts'

export interface Route {
  readonly kind: 'speech' | 'event' | 'noise'
  readonly clockRate: number
  /** Null: nothing that we can hear. */
  readonly speech: Speech | null
  /** What the other side gets it as; null: it does not get it. */
  readonly out: {
    readonly payload: number
    readonly clockRate: number
    /** G.711 of one law into the other. */
    readonly table: Uint8Array | null
  } | null
}

const payloads = 128
/** RFC 3551: some send it without having said so. */
const staticNoise = 13

export function makeRoutes(own: RemoteMedia, peer: RemoteMedia | null): (Route | undefined)[] {
  const routes = new Array<Route | undefined>(payloads).fill(undefined)
  const noise: Route = {
    kind: 'noise',
    clockRate: 8_000,
    speech: null,
    out: peer?.comfortNoise == null ? null : { payload: peer.comfortNoise, clockRate: 8_000, table: null },
  }
  const entries: (readonly [RemoteCodec, Route])[] = own.codecs.map((codec) => [codec, speech(codec, peer)])
  if (own.dtmf) entries.push([own.dtmf, event(own.dtmf, peer)])
  for (const [{ payload }, route] of entries) routes[payload] ??= route
  // A peer that answers an offer with other numbers sends with either of the two.
  for (const [{ sendPayload }, route] of entries) routes[sendPayload] ??= route
  routes[own.comfortNoise ?? staticNoise] ??= noise
  return routes
}

function speech(codec: RemoteCodec, peer: RemoteMedia | null): Route {
  const { name, clockRate } = codec
  const law = isLaw(name) ? name : null
  const same = peer?.codecs.find((one) => one.name === name && one.clockRate === clockRate)
  const other = same || !law ? undefined : peer?.codecs.find((one) => isLaw(one.name))
  const to = same ?? other
  const table = law && other ? recoded[law] : null
  const out = to ? { payload: to.sendPayload, clockRate, table } : null
  return { kind: 'speech', clockRate, speech: speechOf(codec), out }
}

function event({ clockRate }: RemoteCodec, peer: RemoteMedia | null): Route {
  const to = peer?.dtmf
  const out = to ? { payload: to.sendPayload, clockRate: to.clockRate, table: null } : null
  return { kind: 'event', clockRate, speech: null, out }
}
