/** Rows of 0002-accounts-meetings.sql as Kysely sees them: camelCase, jsonb as values. Telephony's columns are of 0004. */
import type { ColumnType, Generated } from 'kysely'
import type { AccountSettings } from '../../contract/telephony-account.ts'
import type { UserSettings } from '../../contract/telephony-user.ts'
import type { Settings } from './telephony-tables.ts'

/** jsonb: written as JSON text, read as a value. */
type Json<T> = ColumnType<T, string, string>
type JsonDefault<T> = ColumnType<T, string | undefined, string>
type Instant = ColumnType<Date, Date | undefined, Date>
type Optional<T> = ColumnType<T | null, T | null | undefined, T | null>

export interface AccountTables {
  instance: { singleton: Generated<boolean>; whitelabelId: string; createdAt: Instant }
  accounts: {
    id: string
    parentId: string | null
    resourceSeq: Generated<number>
    name: string
    accountType: string
    paidUntil: Date | null
    numberOfMeetings: Generated<number>
    numberOfMeetingOrganizers: Generated<number>
    numberOfMeetingRooms: Generated<number>
    iceCandidatesToFilter: JsonDefault<string[]>
    customDialInNumbers: JsonDefault<unknown[]>
    displayStandardDialInNumbersInInvite: Generated<boolean>
    defaultMeetingPermissions: ColumnType<unknown, string | null | undefined, string | null>
    defaultMeetingType: Generated<string>
    defaultMeetingHasDialin: Generated<boolean>
    defaultMeetingHasRecording: Generated<boolean>
    autoExtendMeetings: Generated<boolean>
    autoDeleteMeetingsAfterXDays: Generated<number>
    telephonyEnabled: Generated<boolean>
    realm: Optional<string>
    musicOnHoldId: Optional<string>
    externalId: Optional<string>
    settings: Settings<AccountSettings>
    secrets: Optional<Buffer>
    createdAt: Instant
  }
  users: {
    id: string
    accountId: string
    resourceSeq: Generated<number>
    /** Null: a telephony user who is no organizer (A8). */
    email: string | null
    firstName: string
    lastName: string
    externalUserId: string | null
    preferredLanguage: string
    timezone: string
    additionalTimezones: JsonDefault<string[]>
    isAdmin: Generated<boolean>
    privLevel: 'user' | 'admin' | 'superduper'
    /** Null: the e-mail address, or none. */
    username: Optional<string>
    isEnabled: Generated<boolean>
    musicOnHoldId: Optional<string>
    browserphoneId: Optional<string>
    quickcallDevice: Optional<string>
    settings: Settings<UserSettings>
    secrets: Optional<Buffer>
    icsToken: string
    passwordHash: string | null
    createdAt: Instant
  }
  rooms: { id: string; accountId: string; name: string; isDefault: Generated<boolean>; createdAt: Instant }
  apiKeys: {
    id: string
    accountId: string
    hash: Buffer
    name: string
    role: 'admin' | 'instance'
    scopes: Json<string[]>
    networks: JsonDefault<string[]>
    expiresAt: Date | null
    lastUsedAt: Date | null
    createdAt: Instant
  }
  tokens: {
    hash: Buffer
    accountId: string
    userId: string | null
    keyId: string | null
    /** The hash of the instance key it was made from. */
    instanceKey: Buffer | null
    role: 'user' | 'admin' | 'instance'
    scopes: Json<string[]>
    expiresAt: Date
    createdAt: Instant
  }
  oneTimeLinks: { hash: Buffer; userId: string; expiresAt: Date; createdAt: Instant }
  mails: {
    id: Generated<number>
    recipient: string
    subject: string
    body: string
    attempts: Generated<number>
    nextAttemptAt: Instant
    lastError: string | null
    createdAt: Instant
  }
  idempotency: {
    credential: string
    operation: string
    key: string
    requestHash: Buffer
    answer: Buffer
    etag: string | null
    createdAt: Instant
  }
}

export interface MeetingTables {
  meetings: {
    id: string
    accountId: string
    roomId: string
    addedByUserId: string
    resourceSeq: Generated<number>
    number: string
    topic: string
    /** Wall time, as text: a `Date` would put it into the server's own zone. */
    startsLocal: string
    endsLocal: string
    timezone: string
    startsAt: Date
    endsAt: Date
    duration: string
    type: string
    agenda: string
    isRecurring: boolean
    recurring: Json<Record<string, unknown>>
    isRecorded: boolean
    isDialin: boolean
    invitedParticipants: Json<unknown[]>
    documents: Json<unknown[]>
    meetingPermissionId: string | null
    videoResolution: string
    icalSequence: Generated<number>
    icsToken: string
    startedAt: Date | null
    closedAt: Date | null
    createdAt: Instant
    updatedAt: Instant
  }
  meetingParticipants: {
    id: string
    meetingId: string
    name: string
    email: string | null
    role: 'host' | 'guest'
    phone: string | null
    joinedAt: Date
    leftAt: Date | null
    /** Of a phone: a host switched it off. */
    isMuted: Generated<boolean>
  }
  meetingChat: {
    id: Generated<number>
    meetingId: string
    fromId: string
    fromName: string
    toId: string | null
    toName: string | null
    text: string
    sentAt: Date
  }
}
