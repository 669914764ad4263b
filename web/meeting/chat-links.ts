/** Chat is text. Addresses in it become links that a reader can see for what they are; nothing else is markup. */

export interface Piece {
  readonly text: string
  /** Absolute, http or https; null for plain text. */
  readonly href: string | null
}

export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = []
  let at = 0
  for (const match of text.matchAll(/https?:\/\/[^\s<>"'`]+/gi)) {
    const found = trimmed(match[0])
    if (!URL.canParse(found)) continue
    if (match.index > at) pieces.push({ text: text.slice(at, match.index), href: null })
    pieces.push({ text: found, href: new URL(found).href })
    at = match.index + found.length
  }
  if (at < text.length) pieces.push({ text: text.slice(at), href: null })
  return pieces
}

/** A full stop or a closing bracket behind an address belongs to the sentence. */
function trimmed(address: string): string {
  const text = address.replace(/[.,;:!?]+$/, '')
  const isBalanced = text.split('(').length >= text.split(')').length
  return isBalanced ? text : text.replace(/\)+$/, '')
}
