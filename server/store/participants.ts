/**
 * Who is and was in a meeting, and what they wrote. Each change commits with its event; the meeting's row is locked
 * first, so that the events of one meeting are told in the order in which they happened.
 */
import { sql, type Selectable, type Transaction } from 'kysely'
import type { Actor } from '../../contract/event.ts'
import type { EventData } from '../../contract/events.ts'
import type { ChatMessage } from '../../contract/signalling.ts'
import { append } from '../events/inbox.ts'
import type { MeetingTables } from './account-tables.ts'
import type { Queries } from './accounts.ts'
import type { Database, Tables } from './database.ts'
import {
  findMeeting,
  lockMeeting,
  type MeetingLinks,
  type MeetingRow,
  selectMeetings,
  toMeetingState,
  updateMeetingRow,
} from './meetings.ts'

export type ParticipantRow = Selectable<MeetingTables['meetingParticipants']>
export type EndReason = EventData<'meeting.ended'>['reason']
export type LeaveReason = EventData<'meeting.participant_left'>['reason']

const everywhere = { accountId: null, userId: null }
const actorOf = (participant: { id: string }): Actor => ({ type: 'participant', id: participant.id })
/** As events and snapshots show who is in a meeting. */
export const toInMeeting = ({ id, name, role, phone }: Omit<ParticipantRow, 'isMuted'>) => ({ id, name, role, phone })

/**
 * Null when the meeting was closed or deleted meanwhile. Told once: whoever is inside already, because the answer to the
 * commit was lost, is inside. `correlationId`: the command that brought a phone.
 */
export function enterMeeting(
  database: Database,
  links: MeetingLinks,
  participant: Omit<ParticipantRow, 'isMuted'>,
  now: Date,
  correlationId: string | null = null,
): Promise<MeetingRow | null> {
  return database.transaction().execute(async (trx) => {
    const meeting = await lockMeeting(trx, participant.meetingId, everywhere)
    if (!meeting || meeting.closedAt !== null) return null
    const known = await trx
      .selectFrom('meetingParticipants')
      .select('id')
      .where('id', '=', participant.id)
      .where('leftAt', 'is', null)
      .executeTakeFirst()
    if (known) return meeting
    await trx.insertInto('meetingParticipants').values(participant).execute()
    const startedAt = meeting.startedAt ?? now
    const actor = actorOf(participant)
    if (meeting.startedAt === null) {
      const about = await nextOf(trx, links, meeting, { startedAt }, now)
      const data = { ...about.data, at: now.toISOString() }
      await append(trx, { ...about, type: 'meeting.started', actor, data })
    }
    const about = await nextOf(trx, links, meeting, {}, now)
    const data = { ...about.data, participant: toInMeeting(participant) }
    const cause = correlationId === null ? {} : { correlationId }
    await append(trx, { ...about, ...cause, type: 'meeting.participant_joined', actor, data })
    return { ...meeting, startedAt, isActive: true }
  })
}

/** The version of the meeting that an event tells of, and what all events of meetings say. Each event has its own (E4). */
async function nextOf(
  trx: Transaction<Tables>,
  links: MeetingLinks,
  meeting: MeetingRow,
  change: { startedAt?: Date; closedAt?: Date },
  now: Date,
) {
  const resourceSeq = await updateMeetingRow(trx, meeting.id, change)
  const state = toMeetingState({ ...meeting, ...change, resourceSeq }, links)
  const { id: resourceId, accountId, addedByUserId: userId } = meeting
  return {
    accountId,
    userId,
    resourceId,
    resourceSeq,
    occurredAt: now,
    data: { meetingId: state.meetingId, meeting: state },
  }
}

/** Told once, however often it is asked. */
export function leaveMeeting(
  database: Database,
  links: MeetingLinks,
  meetingId: string,
  participantId: string,
  reason: LeaveReason,
  now: Date,
): Promise<void> {
  return database.transaction().execute(async (trx) => {
    const meeting = await lockMeeting(trx, meetingId, everywhere)
    if (!meeting) return
    const row = await trx
      .updateTable('meetingParticipants')
      .set({ leftAt: now })
      .where('id', '=', participantId)
      .where('leftAt', 'is', null)
      .returningAll()
      .executeTakeFirst()
    if (row) await tellLeft(trx, links, meeting, row, reason, now)
  })
}

async function tellLeft(
  trx: Transaction<Tables>,
  links: MeetingLinks,
  meeting: MeetingRow,
  row: ParticipantRow,
  reason: LeaveReason,
  now: Date,
): Promise<void> {
  const about = await nextOf(trx, links, meeting, {}, now)
  const data = { ...about.data, participant: toInMeeting(row), reason }
  await append(trx, { ...about, type: 'meeting.participant_left', actor: actorOf(row), data })
}

interface Ending {
  readonly links: MeetingLinks
  readonly reason: EndReason
  readonly actor: Actor | null
  readonly now: Date
}

/**
 * The one end of a meeting (its terminal event): whoever is inside leaves. The caller holds the meeting's lock. A
 * meeting that is deleted before anybody came needs no end.
 */
export async function endMeeting(trx: Transaction<Tables>, meeting: MeetingRow, ending: Ending): Promise<void> {
  const { links, reason, actor, now } = ending
  if (meeting.closedAt !== null) return
  if (reason === 'deleted' && meeting.startedAt === null) return
  const left = await trx
    .updateTable('meetingParticipants')
    .set({ leftAt: now })
    .where('meetingId', '=', meeting.id)
    .where('leftAt', 'is', null)
    .returningAll()
    .execute()
  for (const row of left) await tellLeft(trx, links, meeting, row, 'ended', now)
  const { count } = await trx
    .selectFrom('meetingParticipants')
    .select((is) => is.fn.countAll<number>().as('count'))
    .where('meetingId', '=', meeting.id)
    .executeTakeFirstOrThrow()
  const about = await nextOf(trx, links, meeting, { closedAt: now }, now)
  const data = { ...about.data, at: now.toISOString(), reason, participants: count }
  await append(trx, { ...about, type: 'meeting.ended', actor, data })
}

/** Closes what started, is past its end, and is empty. True when it did. */
export function endIfOver(database: Database, links: MeetingLinks, meetingId: string, now: Date): Promise<boolean> {
  return database.transaction().execute(async (trx) => {
    const meeting = await lockMeeting(trx, meetingId, everywhere)
    const isOver = meeting && meeting.startedAt !== null && meeting.closedAt === null && meeting.endsAt <= now
    if (!isOver || meeting.isActive) return false
    await endMeeting(trx, meeting, { links, reason: 'empty', actor: { type: 'system', id: null }, now })
    return true
  })
}

export const listOver = (db: Queries, now: Date): Promise<{ id: string }[]> =>
  db
    .selectFrom('meetings')
    .select('id')
    .where('startedAt', 'is not', null)
    .where('closedAt', 'is', null)
    .where('endsAt', '<=', now)
    .where((is) =>
      is.not(
        is.exists(
          is
            .selectFrom('meetingParticipants')
            .select('meetingParticipants.id')
            .whereRef('meetingParticipants.meetingId', '=', 'meetings.id')
            .where('meetingParticipants.leftAt', 'is', null),
        ),
      ),
    )
    .limit(100)
    .execute()

/** Everybody who had not left when the last process ended. */
export const listInside = (db: Queries): Promise<ParticipantRow[]> =>
  db.selectFrom('meetingParticipants').selectAll().where('leftAt', 'is', null).execute()

/** Whether a host switched that phone off. */
export async function keepMuted(db: Queries, participantId: string, isMuted: boolean): Promise<void> {
  await db.updateTable('meetingParticipants').set({ isMuted }).where('id', '=', participantId).execute()
}

export const findMeetingById = (db: Queries, id: string) => findMeeting(db, id, everywhere)

export async function insertChat(db: Queries, meetingId: string, message: Omit<ChatMessage, 'id'>): Promise<string> {
  const row = await db
    .insertInto('meetingChat')
    .values({
      meetingId,
      fromId: message.from.id,
      fromName: message.from.name,
      toId: message.to?.id ?? null,
      toName: message.to?.name ?? null,
      text: message.text,
      sentAt: new Date(message.sentAt),
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return String(row.id)
}

const shownMessages = 500

/** What this participant may read: the group's messages, and private ones from and to this participant. */
export async function listChat(db: Queries, meetingId: string, participantId: string): Promise<ChatMessage[]> {
  const rows = await db
    .selectFrom('meetingChat')
    .selectAll()
    .where('meetingId', '=', meetingId)
    .where((is) => is.or([is('toId', 'is', null), is('toId', '=', participantId), is('fromId', '=', participantId)]))
    .orderBy('id', 'desc')
    .limit(shownMessages)
    .execute()
  return rows.reverse().map((row) => ({
    id: String(row.id),
    from: { id: row.fromId, name: row.fromName },
    to: row.toId === null ? null : { id: row.toId, name: row.toName ?? '' },
    text: row.text,
    sentAt: row.sentAt.toISOString(),
  }))
}

/** Ids of meetings of an account or a person that are not closed, locked: they are about to be deleted. */
export async function lockOpenMeetings(
  trx: Transaction<Tables>,
  of: { readonly accountId?: string; readonly userId?: string },
): Promise<MeetingRow[]> {
  const ids = await trx
    .selectFrom('meetings')
    .select('id')
    .where('closedAt', 'is', null)
    .where('startedAt', 'is not', null)
    .$if(of.accountId !== undefined, (query) => query.where('accountId', '=', of.accountId ?? ''))
    .$if(of.userId !== undefined, (query) => query.where('addedByUserId', '=', of.userId ?? ''))
    .orderBy('id')
    .forUpdate()
    .execute()
  const rows = await Promise.all(ids.map(({ id }) => findMeetingById(trx, id)))
  return rows.filter((row) => row !== undefined)
}

/** Before the meetings of an account or a person are deleted: those that did not end yet get their terminal event. */
export async function cancelMeetings(
  trx: Transaction<Tables>,
  links: MeetingLinks,
  of: { readonly accountId?: string; readonly userId?: string },
  actor: Actor,
): Promise<void> {
  const rows = await selectMeetings(trx, { accountId: of.accountId ?? null, userId: of.userId ?? null })
    .where('meetings.closedAt', 'is', null)
    .orderBy('meetings.id')
    .forUpdate('meetings')
    .execute()
  for (const row of rows) {
    await append(trx, {
      accountId: row.accountId,
      userId: row.addedByUserId,
      type: 'meeting.cancelled',
      resourceId: row.id,
      resourceSeq: row.resourceSeq + 1,
      actor,
      data: { meeting: toMeetingState(row, links), reason: 'deleted' },
    })
  }
}

/** Closed or never used, and older than its account keeps them: a batch of ids. */
export const listExpired = async (db: Queries, now: Date): Promise<{ id: string }[]> => {
  const { rows } = await sql<{ id: string }>`
    select meetings.id from meetings join accounts on accounts.id = meetings.account_id
    where meetings.ends_at < ${now}::timestamptz - make_interval(days => accounts.auto_delete_meetings_after_x_days)
      and (meetings.closed_at is not null or meetings.started_at is null)
    limit 100`.execute(db)
  return rows
}
