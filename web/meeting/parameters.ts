/** What the address of a meeting page says: `/meet/{meetingId}?culture=…&participantName=…#host=…`. */

export interface Parameters {
  /** As in the path: sixteen digits, with or without dashes. */
  readonly meetingId: string
  /** From the fragment, which no server and no log sees. */
  readonly hostToken: string | null
  readonly culture: string | null
  readonly participantName: string | null
  readonly participantEmail: string | null
  /** `video-only`: no chat and no shared screens. `collaboration-only`: no cameras. */
  readonly layout: 'standard' | 'video-only' | 'collaboration-only'
  readonly direction: 'standard' | 'receiveonly' | 'sendonly'
  /** Takes effect with a name only: without one the page asks for it. */
  readonly isJoinScreenSkipped: boolean
}

const longestName = 80

export function readParameters({ pathname, search, hash }: Pick<Location, 'pathname' | 'search' | 'hash'>): Parameters {
  const query = new URLSearchParams(search)
  const text = (name: string) => query.get(name)?.trim() || null
  return {
    meetingId: decodeURIComponent(pathname.split('/')[2] ?? '').slice(0, 32),
    hostToken: new URLSearchParams(hash.slice(1)).get('host'),
    culture: text('culture'),
    participantName: cleanName(text('participantName') ?? '') || null,
    participantEmail: readEmail(text('participantEmail')),
    layout: oneOf(text('meetingRoomLayout'), ['standard', 'video-only', 'collaboration-only']),
    direction: oneOf(text('mediaDirection'), ['standard', 'receiveonly', 'sendonly']),
    isJoinScreenSkipped: text('skipJoinMeetingScreen') === 'true',
  }
}

/** As the server takes it: one line, without control characters. */
export const cleanName = (name: string): string =>
  name
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, longestName)

const readEmail = (text: string | null) => (text && /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text) ? text : null)

function oneOf<const T extends readonly [string, ...string[]]>(text: string | null, values: T): T[number] {
  return values.find((value) => value === text) ?? values[0]
}
