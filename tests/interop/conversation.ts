/** Two scripted phones in conversation, and the descriptions of sound that they send each other. */
import { until } from '../carillon.ts'
import type { Telephone } from './organisation.ts'
import type { PhoneCall } from './phone-call.ts'
import { mediaOf, type Packet } from './sound.ts'

export interface Talk {
  readonly call: PhoneCall
  readonly taken: PhoneCall
  /** What each was told about the other's sound: where to send its own. */
  readonly toCaller: string
  readonly toCallee: string
}

/** One calls the other, who answers. */
export async function talk(
  caller: Telephone,
  callee: Telephone,
  sdp: { readonly offer?: string; readonly answer?: string } = {},
): Promise<Talk> {
  const call = await caller.phone.invite(callee.number, { sdp: sdp.offer ?? caller.phone.sdp() })
  const taken = await callee.phone.ringing()
  const [answer] = await Promise.all([call.final(), taken.answer(sdp.answer)])
  if (answer.status !== 200) throw new Error(answer.text)
  return { call, taken, toCaller: answer.body, toCallee: taken.invitation?.body ?? '' }
}

/** Both hang up: the caller says so, the callee hears it. */
export async function hangUp({ call, taken }: Pick<Talk, 'call' | 'taken'>): Promise<void> {
  await Promise.all([call.bye(), taken.ended()])
}

/** Each sends its tone and hears the other's. */
export async function hearEachOther(
  [caller, callerHz]: readonly [Telephone, number],
  [callee, calleeHz]: readonly [Telephone, number],
  { toCaller, toCallee }: Pick<Talk, 'toCaller' | 'toCallee'>,
  payloadTypes: readonly [number, number] = [8, 8],
): Promise<void> {
  caller.sound.play(callerHz, mediaOf(toCaller), payloadTypes[0])
  callee.sound.play(calleeHz, mediaOf(toCallee), payloadTypes[1])
  await Promise.all([caller.sound.hears(calleeHz), callee.sound.hears(callerHz)])
}

export interface Description {
  readonly port: number
  /** `8 PCMA/8000`, in the order of preference. */
  readonly codecs?: readonly string[]
  readonly direction?: string
  readonly version?: number
  /** Of c=; 0.0.0.0 is the hold of old phones. */
  readonly address?: string
  /** Attributes of the audio line. */
  readonly attributes?: readonly string[]
  /** Other m-lines, before or after the audio. */
  readonly before?: readonly string[]
  readonly after?: readonly string[]
}

const telephony = ['8 PCMA/8000', '0 PCMU/8000', '101 telephone-event/8000'] as const

export function describeSound({ port, codecs = telephony, ...more }: Description): string {
  const { direction = 'sendrecv', version = 1, address = '127.0.0.1', attributes = [], before = [], after = [] } = more
  const payloads = codecs.map((codec) => codec.split(' ')[0]).join(' ')
  return [
    'v=0',
    `o=phone 7 ${version} IN IP4 127.0.0.1`,
    's=-',
    `c=IN IP4 ${address}`,
    't=0 0',
    ...before,
    `m=audio ${port} RTP/AVP ${payloads}`,
    ...codecs.map((codec) => `a=rtpmap:${codec}`),
    ...attributes.map((attribute) => `a=${attribute}`),
    `a=${direction}`,
    ...after,
    '',
  ].join('\r\n')
}

export const originOf = (sdp: string): string => /^o=.*$/m.exec(sdp)?.[0].trim() ?? ''
/** Kind and port of each m-line. */
export const linesOf = (sdp: string): [string, number][] =>
  [...sdp.matchAll(/^m=(\S+) (\d+)/gm)].map(([, kind = '', port]) => [kind, Number(port)])
export const portOf = (sdp: string, kind: string): number =>
  linesOf(sdp).find(([one, port]) => one === kind && port !== 0)?.[1] ?? 0

/** Waits for packets that are like this; answers them all. */
export async function packetsLike(
  packets: readonly Packet[],
  isLike: (packet: Packet) => boolean,
  count = 1,
): Promise<readonly Packet[]> {
  return until(
    () => {
      const found = packets.filter(isLike)
      return found.length >= count ? found : null
    },
    `${count} such packets of ${packets.length}`,
    10_000,
  )
}

/** One stream without a break: one SSRC, each number after the one before, time that never goes back (T22). */
export function breaksOf(packets: readonly Packet[]): string[] {
  return packets.slice(1).flatMap((packet, index) => {
    const before = packets[index] as Packet
    const forward = (packet.timestamp - before.timestamp) >>> 0
    const what = `${before.sequence}/${before.timestamp} -> ${packet.sequence}/${packet.timestamp}`
    return [
      ...(packet.ssrc === before.ssrc ? [] : [`another SSRC: ${what}`]),
      ...(((packet.sequence - before.sequence) & 0xffff) === 1 ? [] : [`sequence: ${what}`]),
      ...(forward < 0x8000_0000 ? [] : [`timestamp: ${what}`]),
    ]
  })
}
