/**
 * RTP as a browser would send it, written from the RFCs and not with the product's own writers, so that a test compares
 * two readings of them.
 */

export interface RtpFields {
  readonly ssrc: number
  readonly sequence: number
  readonly timestamp?: number
  readonly payloadType?: number
  readonly isMarked?: boolean
  readonly csrcs?: readonly number[]
  /** Id -> data; strings are ASCII. */
  readonly extensions?: ReadonlyMap<number, readonly number[] | string>
  /** RFC 8285 §4.3 instead of §4.2. */
  readonly isTwoByte?: boolean
  readonly payload?: ArrayLike<number>
  /** Bytes of padding with the count in the last one. */
  readonly padding?: number
}

export function rtpPacket(fields: RtpFields): Uint8Array {
  const { csrcs = [], extensions, payload = [1, 2, 3], padding = 0 } = fields
  const bytes: number[] = [
    0x80 | (padding > 0 ? 0x20 : 0) | (extensions ? 0x10 : 0) | csrcs.length,
    (fields.isMarked ? 0x80 : 0) | (fields.payloadType ?? 96),
    ...bytes16(fields.sequence),
    ...bytes32(fields.timestamp ?? 0),
    ...bytes32(fields.ssrc),
    ...csrcs.flatMap(bytes32),
  ]
  if (extensions) bytes.push(...extensionBytes(extensions, fields.isTwoByte === true))
  bytes.push(...Array.from(payload))
  if (padding > 0) bytes.push(...new Array<number>(padding - 1).fill(0), padding)
  return Uint8Array.from(bytes)
}

function extensionBytes(extensions: ReadonlyMap<number, readonly number[] | string>, isTwoByte: boolean): number[] {
  const elements = [...extensions].flatMap(([id, data]) => {
    const text = typeof data === 'string' ? [...data].map((letter) => letter.charCodeAt(0)) : data
    return isTwoByte ? [id, text.length, ...text] : [(id << 4) | (text.length - 1), ...text]
  })
  while (elements.length % 4 !== 0) elements.push(0)
  return [...bytes16(isTwoByte ? 0x1000 : 0xbede), ...bytes16(elements.length / 4), ...elements]
}

export interface Vp8Fields {
  /** The first packet of a frame. */
  readonly isStart?: boolean
  readonly isKey?: boolean
  /** 15 bits unless `isShort`. */
  readonly pictureId?: number
  readonly isShort?: boolean
  readonly tl0PicIdx?: number
  readonly height?: number
  /** Of the frame's data. */
  readonly size?: number
  /** What its data is made of. */
  readonly fill?: number
}

/** A payload of RFC 7741. */
export function vp8Payload(fields: Vp8Fields = {}): Uint8Array {
  const {
    isStart = true,
    isKey = false,
    pictureId,
    isShort = false,
    tl0PicIdx,
    height = 360,
    size = 30,
    fill = 0xaa,
  } = fields
  const hasFlags = pictureId !== undefined || tl0PicIdx !== undefined
  const descriptor = [(hasFlags ? 0x80 : 0) | (isStart ? 0x10 : 0)]
  if (hasFlags) descriptor.push((pictureId === undefined ? 0 : 0x80) | (tl0PicIdx === undefined ? 0 : 0x40))
  if (pictureId !== undefined) descriptor.push(...(isShort ? [pictureId & 0x7f] : bytes16(0x8000 | pictureId)))
  if (tl0PicIdx !== undefined) descriptor.push(tl0PicIdx)
  const frame = new Array<number>(size).fill(fill)
  frame[0] = isKey ? 0x10 : 0x11
  if (isKey && isStart) frame.splice(3, 7, 0x9d, 0x01, 0x2a, 0x80, 0x02, height & 0xff, height >> 8)
  return Uint8Array.from([...descriptor, ...frame])
}

export const bytes16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff]
export const bytes32 = (value: number): number[] => [...bytes16(value >>> 16), ...bytes16(value & 0xffff)]
