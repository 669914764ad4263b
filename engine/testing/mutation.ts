/** Spoils what was valid: a few changes each, of the kinds that parsers trip over. */
import { drawInteger } from './random.ts'

type Random = () => number

const telling = [0x00, 0x01, 0x0f, 0x10, 0x7f, 0x80, 0xbe, 0xde, 0xfe, 0xff]

export function mutate(random: Random, valid: Uint8Array): Uint8Array {
  let bytes = Uint8Array.from(valid)
  for (let count = 1 + drawInteger(random, 4); count > 0; count--) bytes = change(random, bytes)
  return bytes
}

function change(random: Random, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const at = drawInteger(random, bytes.length + 1)
  const length = drawInteger(random, 1 + Math.min(40, bytes.length - at))
  const before = bytes.slice(0, at)
  switch (drawInteger(random, 6)) {
    case 0: // one bit
      return bytes.map((byte, i) => (i === at ? byte ^ (1 << drawInteger(random, 8)) : byte)) as Uint8Array<ArrayBuffer>
    case 1: // one byte that says something
      return join(before, [telling[drawInteger(random, telling.length)] ?? 0], bytes.subarray(at + 1))
    case 2: // cut
      return before
    case 3: // a piece less
      return join(before, [], bytes.subarray(at + length))
    case 4: // a piece twice
      return join(before, bytes.subarray(at, at + length), bytes.subarray(at))
    default: // something in between
      return join(
        before,
        Array.from({ length }, () => drawInteger(random, 256)),
        bytes.subarray(at),
      )
  }
}

const join = (...parts: readonly ArrayLike<number>[]) => Uint8Array.from(parts.flatMap((part) => Array.from(part)))

/** The same for lines of text: one less, one twice, two exchanged, a piece of one spoiled. */
export function mutateLines(random: Random, text: string): string {
  const lines = text.split('\r\n')
  for (let count = 1 + drawInteger(random, 6); count > 0; count--) {
    const [at, other] = [drawInteger(random, lines.length), drawInteger(random, lines.length)]
    const [line = '', second = ''] = [lines[at], lines[other]]
    const kind = drawInteger(random, 5)
    if (kind === 0) lines.splice(at, 1)
    else if (kind === 1) lines.splice(other, 0, line)
    else if (kind === 2) {
      lines[at] = second
      lines[other] = line
    } else if (kind === 3)
      lines[at] =
        line.slice(0, drawInteger(random, line.length + 1)) + second.slice(drawInteger(random, second.length + 1))
    else {
      const spoiled = mutate(random, Uint8Array.from([...line].map((letter) => letter.charCodeAt(0) & 0xff)))
      lines[at] = Array.from(spoiled, (byte) => String.fromCharCode(byte)).join('')
    }
  }
  return lines.join('\r\n')
}
