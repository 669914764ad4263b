/** What this browser remembers: for good the person's name and devices, for this tab the place in the meeting. */

export interface Preferences {
  readonly name: string
  readonly microphoneId: string
  readonly cameraId: string
  readonly speakerId: string
  /** WCAG 2.1.4: shortcuts of one letter can be switched off. */
  readonly hasLetterShortcuts: boolean
  readonly theme: 'system' | 'dark' | 'light'
}

/** A reload within 30 s takes the same place again, with the same things on. */
export interface Place {
  readonly resumeToken: string
  readonly microphone: boolean
  readonly camera: boolean
}

const defaults: Preferences = {
  name: '',
  microphoneId: '',
  cameraId: '',
  speakerId: '',
  hasLetterShortcuts: true,
  theme: 'system',
}
const preferencesKey = 'carillon.preferences'
const placeKey = (meetingId: string) => `carillon.place.${meetingId}`

export const readPreferences = (): Preferences => ({ ...defaults, ...read(() => localStorage, preferencesKey) })

export function remember(change: Partial<Preferences>): Preferences {
  const preferences = { ...readPreferences(), ...change }
  write(() => localStorage, preferencesKey, preferences)
  return preferences
}

export const readPlace = (meetingId: string): Place | null =>
  read(() => sessionStorage, placeKey(meetingId)) as Place | null

export const rememberPlace = (meetingId: string, place: Place | null): void =>
  write(() => sessionStorage, placeKey(meetingId), place)

/** A browser may keep nothing from an embedded page: then nothing is remembered, and all else works. */
function read(storage: () => Storage, key: string): object | null {
  try {
    return JSON.parse(storage().getItem(key) ?? 'null')
  } catch {
    return null
  }
}

function write(storage: () => Storage, key: string, value: object | null): void {
  try {
    if (value === null) storage().removeItem(key)
    else storage().setItem(key, JSON.stringify(value))
  } catch {
    // Nothing is kept, as above.
  }
}
