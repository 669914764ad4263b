/**
 * `application/dialog-info+xml` (RFC 4235 §4): the calls of a number as lamps on other phones show them. Always the full
 * state, so that a document that was lost does not matter.
 */

export interface WatchedDialog {
  /** The same for as long as the call lasts. */
  readonly id: string
  /** Of whoever is watched: the caller is the initiator. */
  readonly direction: 'initiator' | 'recipient'
  readonly state: 'trying' | 'proceeding' | 'early' | 'confirmed'
  /** By which another phone may take the call over (RFC 3891); null: it cannot. */
  readonly replaces: { readonly callId: string; readonly localTag: string; readonly remoteTag: string } | null
  /** Who is at the other end, as the watched one is shown it (T26). */
  readonly remote: { readonly uri: string; readonly name: string | null } | null
}

export const dialogInfoType = 'application/dialog-info+xml'

/**
 * `idleId`: what a number without calls is called. Phones put their lamp out at a dialog that is terminated, and some of
 * them at nothing else, so one is always listed.
 */
export function formatDialogInfo(
  entity: string,
  version: number,
  dialogs: readonly WatchedDialog[],
  idleId: string,
): string {
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="${version}" state="full" entity="${escapeXml(entity)}">`,
  ]
  for (const dialog of dialogs) lines.push(...dialogLines(entity, dialog))
  if (dialogs.length === 0) lines.push(`<dialog id="${escapeXml(idleId)}"><state>terminated</state></dialog>`)
  return `${lines.join('\n')}\n</dialog-info>\n`
}

function dialogLines(entity: string, { id, direction, state, replaces, remote }: WatchedDialog): string[] {
  const tags = replaces === null ? [] : [['call-id', replaces.callId] as const, ...tagsOf(replaces)]
  const attributes = [['id', id] as const, ...tags, ['direction', direction] as const]
  const own = escapeXml(entity)
  const lines = [
    `<dialog ${attributes.map(([name, value]) => `${name}="${escapeXml(value)}"`).join(' ')}>`,
    `<state>${state}</state>`,
    `<local><identity>${own}</identity><target uri="${own}"/></local>`,
  ]
  if (remote !== null) {
    const uri = escapeXml(remote.uri)
    const display = remote.name === null ? '' : ` display="${escapeXml(remote.name)}"`
    lines.push(`<remote><identity${display}>${uri}</identity><target uri="${uri}"/></remote>`)
  }
  return [...lines, '</dialog>']
}

const tagsOf = ({ localTag, remoteTag }: { localTag: string; remoteTag: string }) =>
  [
    ['local-tag', localTag],
    ['remote-tag', remoteTag],
  ] as const

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** Control characters, and halves of surrogate pairs, stand in no XML, not even escaped. */
function escapeXml(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, ' ').replace(/[&<>"']/g, (letter) => entities[letter] ?? letter)
}
