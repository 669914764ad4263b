/** What the page shows: one value, replaced at each change. */
import type {
  ChatMessage,
  EventParams,
  MeetingInfo,
  Participant,
  SignallingErrorCode,
} from '../../contract/signalling.ts'
import type { DeviceProblem, DevicesState } from './devices.ts'
import type { VideoOf } from './subscribe-connection.ts'

/** `opening`: the server has not answered yet. `over`: nothing follows but another visit. */
type Phase = 'opening' | 'lobby' | 'joining' | 'inside' | 'over'
export type Refusal = SignallingErrorCode | 'offline'
export type Quality = EventParams<'quality'>

/** Something worth a word to the person, once. Words are the page's. */
export type Notice = { readonly id: number } & (
  | { readonly kind: 'joined' | 'left' | 'hand' | 'muted' | 'removed'; readonly name: string }
  | { readonly kind: 'sharing' | 'sharing_ended'; readonly name: string }
  | { readonly kind: 'chat'; readonly name: string; readonly text: string; readonly isPrivate: boolean }
  | { readonly kind: 'device'; readonly device: 'microphone' | 'camera'; readonly problem: DeviceProblem }
  | { readonly kind: 'share_failed' | 'not_sent' }
)

export type NewNotice = Notice extends infer N ? (N extends Notice ? Omit<N, 'id'> : never) : never

export interface MeetingState {
  readonly phase: Phase
  readonly info: MeetingInfo | null
  readonly refusal: Refusal | null
  readonly role: 'host' | 'guest'
  readonly name: string
  readonly self: Participant | null
  /** Everybody else, and the order of their seats. */
  readonly others: ReadonlyMap<string, Participant>
  readonly order: readonly string[]
  readonly chat: readonly ChatMessage[]
  readonly speakers: readonly string[]
  readonly quality: Quality | null
  /** When the connection to the server broke; null while it holds. */
  readonly lostAt: number | null
  /** False while pictures and sound have no way to this page. */
  readonly hasMedia: boolean
  readonly videos: readonly VideoOf[]
  readonly isSoundBlocked: boolean
  readonly devices: DevicesState
  readonly screen: MediaStream | null
  readonly ending: EventParams<'bye'> | null
  readonly notices: readonly Notice[]
}

const device = { isOn: false, isStarting: false, track: null, problem: null }

export const initialState: MeetingState = {
  phase: 'opening',
  info: null,
  refusal: null,
  role: 'guest',
  name: '',
  self: null,
  others: new Map(),
  order: [],
  chat: [],
  speakers: [],
  quality: null,
  lostAt: null,
  hasMedia: false,
  videos: [],
  isSoundBlocked: false,
  devices: { microphone: device, camera: device, choices: [] },
  screen: null,
  ending: null,
  notices: [],
}
