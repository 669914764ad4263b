/** Rows of telephony's configuration, calls, registrations and presence as Kysely sees them. */
import type { ColumnType, Generated, GeneratedAlways, Selectable } from 'kysely'
import type { DeviceSettings } from '../../contract/device.ts'
import type { MediaSettings } from '../../contract/media.ts'
import type { PhoneNumberSettings } from '../../contract/phone-number.ts'
import type { TrunkSettings } from '../../contract/trunk.ts'

type Json<T> = ColumnType<T, string, string>
type JsonDefault<T> = ColumnType<T, string | undefined, string>
type JsonOrNull<T> = ColumnType<T | null, string | null | undefined, string | null>
type Instant = ColumnType<Date, Date | undefined, Date>
/** What differs from the standard values of the contract. */
export type Settings<T> = JsonDefault<Partial<T>>

interface Configured {
  id: string
  accountId: string
  resourceSeq: Generated<number>
  externalId: string | null
  createdAt: Instant
}

export interface TelephonyTables {
  medias: Configured & {
    name: string
    settings: Settings<MediaSettings>
    contentType: string | null
    fileName: string | null
    sizeBytes: number | null
    durationMs: number | null
    digest: string | null
  }
  mediaContents: { mediaId: string; bytes: Buffer }
  devices: Configured & {
    name: string
    ownerId: string | null
    username: string
    isEnabled: Generated<boolean>
    musicOnHoldId: string | null
    settings: Settings<DeviceSettings>
    secrets: Buffer
  }
  trunks: Configured & {
    name: string
    category: 'carrier' | 'pbx_connector' | 'inter_account'
    trunkOrder: number
    isEnabled: Generated<boolean>
    settings: Settings<TrunkSettings>
    secrets: Buffer | null
  }
  phoneNumbers: Omit<Configured, 'id'> & {
    number: string
    state: string
    trunkId: string | null
    settings: Settings<PhoneNumberSettings>
  }
  callflows: Configured & {
    name: string
    numbers: JsonDefault<string[]>
    featurecode: JsonOrNull<{ name: string; number: string }>
    flow: Json<FlowNode>
    settings: Settings<{ metadata: Record<string, unknown> }>
  }
  callflowNumbers: { accountId: string; number: string; callflowId: string; phoneNumber: string | null }
  callflowReferences: {
    callflowId: string
    userId: string | null
    deviceId: string | null
    targetId: string | null
    mediaId: string | null
  }
  contacts: Configured & {
    phonebook: 'global' | 'personal'
    userId: string | null
    sortName: string
    numbers: string[]
    settings: Settings<Record<string, unknown>>
  }
}

interface FlowNode {
  readonly id: string
  readonly module: string
  readonly data: Readonly<Record<string, string | number | boolean | null>>
  readonly children: Readonly<Record<string, FlowNode>>
}

type CallDirection = 'incoming' | 'outgoing' | 'internal'
type HangupCause = 'ANSWERED' | 'NO ANSWER' | 'BUSY' | 'FAILED' | 'CANCEL' | 'CONGESTION'
type Nullable<T> = { [K in keyof T]: T[K] | null }

export interface CallTables {
  calls: {
    id: string
    accountId: string
    resourceSeq: Generated<number>
    direction: CallDirection
    callerNumber: string
    calledNumber: string
    isEmergency: Generated<boolean>
    startedAt: Date
    heartbeatAt: Date
    node: string
    quality: JsonOrNull<unknown>
    recording: JsonOrNull<unknown>
  } & Nullable<{
    callerName: string
    calleeNumber: string
    calleeName: string
    fromUserId: string
    fromDeviceId: string
    toUserId: string
    toDeviceId: string
    ownerId: string
    trunkId: string
    callflowId: string
    callerCallId: string
    calleeCallId: string
    ringingAt: Date
    answeredAt: Date
    endedAt: Date
    hangupCause: HangupCause
    endedBy: 'caller' | 'callee' | 'system' | 'system_restart'
    sipCode: number
    q850Cause: number
    durationSeconds: number
    billingSeconds: number
    detectedCountry: string
    detectedType: string
    correlationId: string
    /** JSON text of the live dialogs (T5). */
    snapshot: string
    /** JSON text. */
    ending: string
    /** JSON text: the call as its last event showed it; null once it ended. */
    state: string
    /** JSON text (T3). */
    liveLegs: string
  }>
  callLegs: {
    id: string
    callId: string
    accountId: string
    role: 'caller' | 'callee'
    number: string
    startedAt: Date
    isForwarded: Generated<boolean>
    quality: JsonOrNull<unknown>
  } & Nullable<{
    name: string
    deviceId: string
    trunkId: string
    userId: string
    ringingAt: Date
    answeredAt: Date
    endedAt: Date
    sipCode: number
    q850Cause: number
    hangupCause: HangupCause
    endedBy: 'party' | 'system' | 'system_restart'
    billingSeconds: number
    billedUserId: string
    billedDeviceId: string
  }>
  callCommands: {
    accountId: string
    id: string
    callId: string
    verb: string
    /** JSON text. */
    actor: string
    createdAt: Instant
    /** Of the log when it came. */
    position: number
    requestHash: Buffer
    leasedUntil: Date
  } & Nullable<{
    /** With an Idempotency-Key. */
    credential: string
    operation: string
    key: string
    /** Its event was seen. */
    settledAt: Date
    /** JSON text of the first answer. */
    answer: string
  }>
  recordings: {
    id: string
    accountId: string
    callId: string
    ownerId: string | null
    resourceSeq: Generated<number>
    status: Generated<'recording' | 'ready' | 'failed'>
    startedAt: Date
    endedAt: Date | null
    fault: string | null
    parts: Json<readonly { readonly path: string; readonly isSwapped: boolean }[]>
    durationMs: number | null
    sizeBytes: number | null
  }
  presence: {
    userId: string
    accountId: string
    resourceSeq: Generated<number>
    isRegistered: Generated<boolean>
    doNotDisturb: Generated<boolean>
    calls: JsonDefault<string[]>
    isTalking: Generated<boolean>
    state: GeneratedAlways<'offline' | 'available' | 'do_not_disturb' | 'ringing' | 'talking'>
  }
  callTraces: { id: GeneratedAlways<number>; callId: string; accountId: string; messages: string }
  registrations: {
    deviceId: string
    /** The registrar's name of it: instance and reg-id, or the contact. */
    binding: string
    accountId: string
    aor: string
    contact: string
    instance: string | null
    regId: number | null
    callId: string
    cseq: number
    path: JsonDefault<string[]>
    flow: JsonOrNull<unknown>
    transport: string
    userAgent: string | null
    contactIp: string
    contactPort: number
    registeredAt: Instant
    expiresAt: Date
    node: string
    resourceSeq: Generated<number>
  }
  trunkRegistrations: {
    trunkId: string
    binding: string
    registration: Json<WrittenRegistration>
    node: string
  }
  sipSubscriptions: {
    id: string
    accountId: string
    deviceId: string
    event: string
    resource: string
    callId: string
    localTag: string
    remoteTag: string
    localCseq: number
    remoteCseq: number
    localUri: string
    remoteUri: string
    remoteTarget: string
    routeSet: JsonDefault<string[]>
    flow: JsonOrNull<unknown>
    documentVersion: Generated<number>
    expiresAt: Date
    node: string
  }
}

/** A row of `registrations` as JSON, with the id of a trunk. */
interface WrittenRegistration
  extends Omit<Selectable<CallTables['registrations']>, 'registeredAt' | 'expiresAt' | 'resourceSeq'> {
  readonly registeredAt: string
  readonly expiresAt: string
}
