/**
 * Between bytes and text. SIP is UTF-8 (RFC 3261 §7); a head that is not is read as Latin-1, because phones that know
 * nothing else write the names of people so, and a call should not fail for an umlaut.
 */
declare const TextDecoder: new (
  label: string,
  options: { fatal: boolean; ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string }
declare const TextEncoder: new () => { encode(text: string): Uint8Array }

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

export function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    return decodeLatin1(bytes)
  }
}

export const encodeText = (text: string): Uint8Array => encoder.encode(text)

function decodeLatin1(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 8_192) text += String.fromCharCode(...bytes.subarray(at, at + 8_192))
  return text
}

/** A copy. What was cut out of a message keeps all of the message's text in memory, which counts for what lives long. */
export const detached = (text: string): string => `/${text}`.slice(1)
