/** Meetings: rows, how they are found, and what readers see of them. */
import { type ExpressionBuilder, type Selectable, sql, type Transaction } from 'kysely'
import type { z } from 'zod'
import type { Meeting, Recurring } from '../../contract/meeting.ts'
import { dashed, undashed } from '../ids.ts'
import type { MeetingTables } from './account-tables.ts'
import type { Queries } from './accounts.ts'
import type { Tables } from './database.ts'

/** A meeting, the name and address of who planned it, and whether anybody is in it. */
export type MeetingRow = Selectable<MeetingTables['meetings']> & {
  readonly email: string
  readonly firstName: string
  readonly lastName: string
  readonly isActive: boolean
}

export interface MeetingReach {
  /** Null: every account. */
  readonly accountId: string | null
  /** Set for plain users: the meetings they planned. */
  readonly userId: string | null
}

/** Joinable this long before the start. */
export const earlyMs = 30 * 60_000

const isInside = (is: ExpressionBuilder<Tables, 'meetings'>) =>
  is.exists(
    is
      .selectFrom('meetingParticipants')
      .select('meetingParticipants.id')
      .whereRef('meetingParticipants.meetingId', '=', 'meetings.id')
      .where('meetingParticipants.leftAt', 'is', null),
  )

export const selectMeetings = (db: Queries, { accountId, userId }: MeetingReach) =>
  db
    .selectFrom('meetings')
    .innerJoin('users', 'users.id', 'meetings.addedByUserId')
    .selectAll('meetings')
    .select(['users.firstName', 'users.lastName'])
    // An organizer keeps the e-mail address while meetings stand; one that was planned in the same moment shows none.
    .select(sql<string>`coalesce(users.email, '')`.as('email'))
    .select((is) => isInside(is as unknown as ExpressionBuilder<Tables, 'meetings'>).as('isActive'))
    .$narrowType<{ isActive: boolean }>()
    .$if(accountId !== null, (query) => query.where('meetings.accountId', '=', accountId ?? ''))
    .$if(userId !== null, (query) => query.where('meetings.addedByUserId', '=', userId ?? ''))

export const findMeeting = (db: Queries, idOrNumber: string, reach: MeetingReach): Promise<MeetingRow | undefined> =>
  selectMeetings(db, reach)
    .where(isId(idOrNumber) ? 'meetings.id' : 'meetings.number', '=', undashed(idOrNumber))
    .executeTakeFirst()

/** The same, held against other writers until the transaction ends. */
export async function lockMeeting(
  trx: Transaction<Tables>,
  id: string,
  reach: MeetingReach,
): Promise<MeetingRow | undefined> {
  await trx.selectFrom('meetings').select('id').where('id', '=', id).forUpdate().execute()
  return findMeeting(trx, id, reach)
}

const isId = (text: string) => /^[0-9a-f]{24}$/.test(text)

/** What an update may write; the version counts up with each. */
export async function updateMeetingRow(
  trx: Transaction<Tables>,
  id: string,
  change: Partial<MeetingColumns> & { icalSequence?: number; startedAt?: Date; closedAt?: Date },
): Promise<number> {
  const row = await trx
    .updateTable('meetings')
    .set((is) => ({ ...change, updatedAt: sql<Date>`now()`, resourceSeq: is('resourceSeq', '+', 1) }))
    .where('id', '=', id)
    .returning('resourceSeq')
    .executeTakeFirstOrThrow()
  return row.resourceSeq
}

/** The columns that a caller's fields decide. */
export interface MeetingColumns {
  readonly roomId: string
  readonly topic: string
  readonly startsLocal: string
  readonly endsLocal: string
  readonly timezone: string
  readonly startsAt: Date
  readonly endsAt: Date
  readonly duration: string
  readonly type: string
  readonly agenda: string
  readonly isRecurring: boolean
  /** JSON text, as all of its kind below. */
  readonly recurring: string
  readonly isRecorded: boolean
  readonly isDialin: boolean
  readonly invitedParticipants: string
  readonly documents: string
  readonly meetingPermissionId: string | null
  readonly videoResolution: string
}

/** Computed, never stored: what a meeting is at this moment. */
export function phaseOf(row: Pick<MeetingRow, 'startsAt' | 'endsAt' | 'closedAt' | 'isActive'>, now: number) {
  const isOver = now >= row.endsAt.getTime() && !row.isActive
  const isClosed = row.closedAt !== null || isOver
  const isOpen = !isClosed && now >= row.startsAt.getTime() - earlyMs
  return { isActive: row.isActive, isClosed, isOpen }
}

export interface MeetingLinks {
  readonly whitelabelId: string
  readonly joinUrl: (number: string) => string
  readonly hostUrl: (number: string) => string
}

/** What the log shows: nothing that opens anything. */
export const toMeetingState = (row: MeetingRow, links: MeetingLinks) => ({
  invitedParticipants: row.invitedParticipants,
  meetingId: dashed(row.number),
  id: row.id,
  topic: row.topic,
  startTime: row.startsAt.toISOString(),
  endTime: row.endsAt.toISOString(),
  duration: row.duration,
  type: row.type,
  roomId: row.roomId,
  isRecurring: row.isRecurring,
  isDialin: row.isDialin,
  recurring: withDefaults(row.recurring, row.endsAt),
  isRecorded: row.isRecorded,
  agenda: row.agenda,
  documents: row.documents,
  meetingPermissionId: row.meetingPermissionId,
  videoResolution: row.videoResolution,
  dtClosedAt: row.closedAt?.toISOString() ?? null,
  whitelabelId: links.whitelabelId,
  addedByUserId: row.addedByUserId,
  addedByUserEmail: row.email,
  accountId: row.accountId,
  addedByUserName: nameOf(row),
  timezone: row.timezone,
  privateDataVisible: true,
  icalSequence: String(row.icalSequence),
  dialInConferenceRoom: null,
  dialInNumbers: [],
  dialInPin: null,
  sipProxy: null,
  sipDomain: null,
  isDemo: false,
  isPromo: false,
  joinUrl: links.joinUrl(row.number),
})

export const toMeeting = (row: MeetingRow, links: MeetingLinks, now: number): Meeting => ({
  ...toMeetingState(row, links),
  icsToken: row.icsToken,
  ...phaseOf(row, now),
  hostUrl: links.hostUrl(row.number),
})

export const nameOf = ({ firstName, lastName }: { firstName: string; lastName: string }) =>
  `${firstName} ${lastName}`.trim()

/** The tutorial's answer to `recurring: {}` has all six fields. */
const withDefaults = (recurring: Record<string, unknown>, endsAt: Date): z.output<typeof Recurring> => ({
  frequencyType: '',
  frequency: null,
  monthlyPattern: '',
  endsType: '',
  endsOn: endsAt.toISOString(),
  endsAfter: 0,
  ...recurring,
})
