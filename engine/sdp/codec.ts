/** Codecs of an m-line: its formats with their rtpmap and fmtp, static payload types (RFC 3551 §6) filled in. */
import { attributesOf, isText, type MediaDescription } from './sdp.ts'

export interface Codec {
  /** As it was written; compared without regard to case. */
  readonly name: string
  readonly clockRate: number
  readonly channels: number
  /** Of fmtp; empty without one. */
  readonly parameters: string
}

export interface MappedCodec extends Codec {
  readonly payload: number
}

const codec = (name: string, clockRate = 8000): Codec => ({ name, clockRate, channels: 1, parameters: '' })
export const pcmu = codec('PCMU')
export const pcma = codec('PCMA')
export const g722 = codec('G722')
export const g729 = codec('G729')

export const opus: Codec = { name: 'opus', clockRate: 48_000, channels: 2, parameters: '' }

const staticTypes = new Map<number, Codec>([
  [0, pcmu],
  [3, codec('GSM')],
  [4, codec('G723')],
  [8, pcma],
  [9, g722],
  [12, codec('QCELP')],
  [13, codec('CN')],
  [15, codec('G728')],
  [18, g729],
])
const mostFormats = 64
const firstDynamic = 96
/** Of events, with most phones. */
const usualEvents = 101
const dynamicTypes = Array.from({ length: 32 }, (_, index) => firstDynamic + index)

const isSameName = (a: string, b: string): boolean =>
  a === b || (a.length === b.length && a.toLowerCase() === b.toLowerCase())

export const isSameCodec = (a: Codec, b: Codec): boolean =>
  a.clockRate === b.clockRate && a.channels === b.channels && isSameName(a.name, b.name)

const isNamed = (name: string) => (one: Codec) => isSameName(one.name, name)
export const isTelephoneEvent = isNamed('telephone-event')
export const isComfortNoise = isNamed('cn')
const isRedundancy = isNamed('red')
/** What carries speech: the rest accompanies it. */
export const isSpeech = (one: Codec): boolean => !isTelephoneEvent(one) && !isComfortNoise(one) && !isRedundancy(one)
const isG711 = (one: Codec): boolean => isSameCodec(one, pcma) || isSameCodec(one, pcmu)
/** Media workers can hear it and speak it; the rest they pass on. */
export const isKnownSpeech = (one: Codec): boolean => isG711(one) || isSameCodec(one, opus)

const outside: ReadonlySet<string> = new Set([
  ...['pcma', 'pcmu', 'g722', 'g729', 'opus', 'amr', 'amr-wb', 'gsm', 'ilbc'],
  ...['telephone-event', 'cn'],
])
const mostOutside = 8

/** T11: an INVITE to a carrier has room for the few that carriers know; those of a phone of its own are left out. */
export function commonOutside<T extends Codec>(codecs: readonly T[]): readonly T[] {
  const known = codecs.filter(({ name }) => outside.has(name.toLowerCase()))
  const speech = known.filter(isSpeech).slice(0, mostOutside)
  return speech.length === 0 ? codecs : known.filter((one) => !isSpeech(one) || speech.includes(one))
}

/**
 * The one of that name. Some name a codec twice and tell the two apart by their parameters (AMR by `octet-align`, RFC 4867
 * §8.1; G.722.1 by `bitrate`): then the one whose parameters differ least, since an answer may have fewer of them.
 */
export function closestTo<C extends Codec>(codecs: readonly C[], wanted: Codec): C | undefined {
  let closest: { one: C; difference: number } | undefined
  for (const one of codecs) {
    if (!isSameCodec(one, wanted)) continue
    const difference = differenceOf(one.parameters, wanted.parameters)
    if (closest === undefined || difference < closest.difference) closest = { one, difference }
  }
  return closest?.one
}

/** How many parameters only one of the two has. */
function differenceOf(a: string, b: string): number {
  if (a === b) return 0
  const [left, right] = [a, b].map((text) =>
    text
      .toLowerCase()
      .split(/\s*;\s*/)
      .filter(Boolean),
  )
  const only = (some: readonly string[] = [], others: readonly string[] = []) =>
    some.filter((one) => !others.includes(one)).length
  return only(left, right) + only(right, left)
}

/** Media workers tell codecs apart by their names: of two of one name the first is agreed on. */
export const oneOfEach = <C extends Codec>(codecs: readonly C[]): C[] =>
  codecs.filter((one, at) => codecs.findIndex((other) => isSameCodec(other, one)) === at)

const codecsOfLines = new WeakMap<MediaDescription, readonly MappedCodec[]>()

/** In the order of the m-line; formats that nobody explains are left out. */
export function codecsOf(line: MediaDescription): readonly MappedCodec[] {
  const known = codecsOfLines.get(line)
  if (known) return known
  const codecs = readCodecs(line)
  codecsOfLines.set(line, codecs)
  return codecs
}

function readCodecs({ formats, attributes }: MediaDescription): MappedCodec[] {
  const maps = new Map(attributesOf(attributes, 'rtpmap').map(splitFormat))
  const parameters = new Map(attributesOf(attributes, 'fmtp').map(splitFormat))
  const codecs: MappedCodec[] = []
  for (const format of formats.slice(0, mostFormats)) {
    if (!/^\d{1,3}$/.test(format) || Number(format) > 127) continue
    const payload = Number(format)
    const named = parseMap(maps.get(format)) ?? staticTypes.get(payload)
    if (named) codecs.push({ ...named, payload, parameters: textOf(parameters.get(format)) })
  }
  return codecs
}

const textOf = (value = '') => (isText(value) ? value : '')

function splitFormat(value: string): [string, string] {
  const at = value.search(/\s/)
  return at === -1 ? [value, ''] : [value.slice(0, at), value.slice(at).trim()]
}

function parseMap(value: string | undefined): Codec | null {
  const match = /^([!-.0-~]{1,40})\/(\d{1,7})(?:\/(\d{1,2}))?$/.exec(value ?? '')
  const [, name, clockRate, channels] = match ?? []
  if (!name || !clockRate || Number(clockRate) === 0) return null
  return { name, clockRate: Number(clockRate), channels: Number(channels ?? 1), parameters: '' }
}

/** The lines that say what the codecs of an m-line are. */
export function codecAttributes(codecs: readonly MappedCodec[]): string[] {
  return codecs.flatMap(({ payload, name, clockRate, channels, parameters }) => [
    `rtpmap:${payload} ${name}/${clockRate}${channels > 1 ? `/${channels}` : ''}`,
    ...(parameters ? [`fmtp:${payload} ${parameters}`] : []),
  ])
}

/** Both kinds of G.711 where there is one, or Opus: media workers transcode between them, and nothing else. */
export function reachable<C extends Codec>(codecs: readonly C[]): (C | Codec)[] {
  const others = codecs.some(isKnownSpeech) ? [pcma, pcmu] : []
  return [...codecs, ...others.filter((one) => !codecs.some((known) => isSameCodec(known, one)))]
}

/** What to offer: Opus too, behind the others, to a phone that may have nothing else that could be transcoded. */
export const andOpus = <C extends Codec>(codecs: readonly C[]): readonly (C | Codec)[] =>
  codecs.some(isG711) && !codecs.some((one) => isSameCodec(one, opus)) ? [...codecs, opus] : codecs

/** What to answer an offer with: Opus too, where there is nothing else in common with a phone that could be transcoded. */
export function orOpus(codecs: readonly Codec[], offered: readonly Codec[]): readonly Codec[] {
  const hasCommon = offered.some((one) => isSpeech(one) && codecs.some((ours) => isSameCodec(ours, one)))
  return !hasCommon && codecs.some(isG711) ? [...codecs, opus] : codecs
}

/**
 * Payload types of an offer: what a codec had before stays (RFC 3264 §8.3.2), then its static one, then the one it wishes
 * (a relayed codec keeps its number where that is free), then the next free one. What finds none is left out.
 */
export function mapCodecs(
  codecs: readonly (Codec & { readonly payload?: number })[],
  before: readonly MappedCodec[],
): MappedCodec[] {
  const held = new Map<number, Codec>(before.map((one) => [one.payload, one]))
  const taken = new Set<number>()
  const mapped: MappedCodec[] = []
  for (const one of codecs) {
    const payload = choosePayload(one, before, (wish) => {
      const holder = held.get(wish)
      return !taken.has(wish) && (holder === undefined || isSameCodec(holder, one))
    })
    if (payload === undefined) continue
    taken.add(payload)
    const { name, clockRate, channels, parameters } = one
    mapped.push({ name, clockRate, channels, parameters, payload })
  }
  return mapped
}

function choosePayload(
  one: Codec & { readonly payload?: number },
  before: readonly MappedCodec[],
  isFree: (payload: number) => boolean,
): number | undefined {
  const old = closestTo(before, one)?.payload
  if (old !== undefined && isFree(old)) return old
  const fixed = staticTypeOf(one)
  if (fixed !== undefined && isFree(fixed)) return fixed
  const { payload = 0 } = one
  if (payload >= firstDynamic && isFree(payload)) return payload
  if (isTelephoneEvent(one) && one.clockRate === 8000 && isFree(usualEvents)) return usualEvents
  return dynamicTypes.find(isFree)
}

function staticTypeOf(one: Codec): number | undefined {
  for (const [payload, known] of staticTypes) if (isSameCodec(known, one)) return payload
  return undefined
}
