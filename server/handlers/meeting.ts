/** Meetings: planned, read, changed, closed and deleted. */
import { sql, type Transaction } from 'kysely'
import type { MeetingFilter, UpdateMeeting } from '../../contract/meeting.ts'
import { ApiError, invalidField } from '../api-error.ts'
import type { App } from '../app.ts'
import { asOrganizer, loadOrganizer, type Organizer } from '../auth/directory.ts'
import { describe, ownOnly, type Principal, reachOf } from '../auth/principal.ts'
import { readTime } from '../calendar/wall-time.ts'
import { append } from '../events/inbox.ts'
import { meetingLinks } from '../meeting/links.ts'
import { findRoom, type Queries } from '../store/accounts.ts'
import type { Tables } from '../store/database.ts'
import { insertMeeting } from '../store/meeting-insert.ts'
import {
  findMeeting,
  lockMeeting,
  type MeetingReach,
  type MeetingRow,
  selectMeetings,
  toMeeting,
  toMeetingState,
  updateMeetingRow,
} from '../store/meetings.ts'
import type { Call, Handlers } from './call.ts'
import { toChanges, toNewColumns } from './meeting-fields.ts'
import { keepIdentity } from './merge.ts'

export const meetingHandlers: Handlers<
  'createMeeting' | 'listMeetings' | 'getMeeting' | 'updateMeeting' | 'deleteMeeting' | 'closeMeeting'
> = {
  async createMeeting(call) {
    const { app, who, body, actor } = call
    const organizer = await organizerOf(app, who)
    return call.writeOne(async (db) => {
      await refuseBeyondLicence(db, organizer, app.clock())
      if (body.roomId) await expectRoom(db, organizer.account.id, body.roomId)
      const columns = toNewColumns(body, organizer, app.clock())
      const row = await insertMeeting(db, { columns, organizer, actor, links: meetingLinks(app), now: app.clock() })
      call.etag(1)
      return { data: toMeeting(row, meetingLinks(app), app.clock()) }
    })
  },

  async listMeetings({ app, who, query }) {
    const matching = filterMeetings(app, reachOfMeetings(who, query), query)
    const [rows, count] = await Promise.all([
      matching
        .orderBy('meetings.startsAt')
        .orderBy('meetings.id')
        .limit(query.limit ?? 10_000)
        .offset(query.offset ?? 0)
        .execute(),
      matching
        .clearSelect()
        .select((is) => is.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow(),
    ])
    const links = meetingLinks(app)
    return { data: rows.map((row) => toMeeting(row, links, app.clock())), total: count.count }
  },

  async getMeeting({ app, who, params, etag }) {
    const row = await findMeeting(app.database, params.id, reachOfOne(who))
    if (!row) throw noMeeting(params.id, who)
    etag(row.resourceSeq)
    return { data: toMeeting(row, meetingLinks(app), app.clock()) }
  },

  async updateMeeting(call) {
    const { app, who, params, body } = call
    const answer = await call.write(async (trx) => {
      const before = await lockMeeting(trx, params.id, reachOfOne(who))
      if (!before) throw noMeeting(params.id, who)
      call.expectVersion(before.resourceSeq)
      const after = await changeMeeting(trx, call, before, body)
      call.etag(after.resourceSeq)
      return { data: toMeeting(after, meetingLinks(app), app.clock()) }
    })
    app.rooms.meetingChanged(params.id)
    return answer
  },

  async deleteMeeting(call) {
    const { app, who, params, actor } = call
    const answer = await call.write(async (trx) => {
      const row = await lockMeeting(trx, params.id, reachOfOne(who))
      if (!row) throw noMeeting(params.id, who)
      call.expectVersion(row.resourceSeq)
      await app.rooms.close(trx, row, { reason: 'deleted', actor })
      const last = (await findMeeting(trx, row.id, reachOfOne(who))) ?? row // people left, it ended: it counted on
      await append(trx, {
        accountId: row.accountId,
        userId: row.addedByUserId,
        type: 'meeting.cancelled',
        resourceId: row.id,
        resourceSeq: last.resourceSeq + 1,
        actor,
        data: { meeting: toMeetingState(last, meetingLinks(app)), reason: 'deleted' },
      })
      await trx.deleteFrom('meetings').where('id', '=', row.id).execute()
      return { data: { id: row.id } }
    })
    app.rooms.meetingChanged(params.id)
    return answer
  },

  async closeMeeting(call) {
    const { app, who, params, actor } = call
    const answer = await call.write(async (trx) => {
      const row = await lockMeeting(trx, params.id, reachOfOne(who))
      if (!row) throw noMeeting(params.id, who)
      call.expectVersion(row.resourceSeq)
      if (row.closedAt === null) await app.rooms.close(trx, row, { reason: 'api', actor })
      const after = await findMeeting(trx, row.id, reachOfOne(who))
      if (!after) throw noMeeting(params.id, who)
      call.etag(after.resourceSeq)
      return { data: toMeeting(after, meetingLinks(app), app.clock()) }
    })
    app.rooms.meetingChanged(params.id)
    return answer
  },
}

const noMeeting = (id: string, who: Principal) => new ApiError('not_found', `There is no meeting ${id}.`, describe(who))

const reachOfOne = (who: Principal): MeetingReach => ({ accountId: reachOf(who), userId: ownOnly(who) })

/** Whoever acts for a person lists that person's meetings, unless asked for others. */
function reachOfMeetings(who: Principal, query: MeetingFilter): MeetingReach {
  const isAboutOthers = query.accountId !== undefined || query.addedByUserEmail !== undefined
  const acting = isAboutOthers || query.addedByUserId !== undefined ? null : who.userId
  return { accountId: reachOf(who), userId: ownOnly(who) ?? acting }
}

async function organizerOf(app: App, who: Principal): Promise<Organizer> {
  if (who.userId === null && reachOf(who) === null) {
    throw invalidField('X-USER-ID', 'with an instance key, say for whom: X-USER-ID or X-USER-EMAIL')
  }
  const { directory } = app
  const organizer =
    who.userId === null ? await directory.firstAdmin(who.accountId) : asOrganizer(await directory.byId(who.userId))
  if (!organizer && who.userId !== null) {
    throw new ApiError('not_allowed', 'A user without an e-mail address plans no meetings.', describe(who))
  }
  if (!organizer) throw new ApiError('not_found', 'The account has no organizer to schedule for.', describe(who))
  return organizer
}

async function refuseBeyondLicence(db: Queries, { account }: Organizer, now: number): Promise<void> {
  if (account.paidUntil && account.paidUntil.getTime() <= now) {
    throw new ApiError('not_allowed', `The account was paid until ${account.paidUntil.toISOString()}.`)
  }
  if (account.numberOfMeetings === 0) return
  const row = await db
    .selectFrom('meetings')
    .select((is) => is.fn.countAll<number>().as('count'))
    .where('accountId', '=', account.id)
    .where('closedAt', 'is', null)
    .where('endsAt', '>', new Date(now))
    .executeTakeFirstOrThrow()
  if (row.count < account.numberOfMeetings) return
  throw new ApiError('room_limit', `The account may have ${account.numberOfMeetings} planned meetings.`)
}

async function expectRoom(db: Queries, accountId: string, roomId: string): Promise<void> {
  if (await findRoom(db, accountId, roomId)) return
  throw invalidField('roomId', `the account has no room ${roomId}; see GET /api/v6/account/{id}/rooms`)
}

async function changeMeeting(
  trx: Transaction<Tables>,
  call: Call<'updateMeeting'>,
  before: MeetingRow,
  body: UpdateMeeting,
): Promise<MeetingRow> {
  const { app, actor, params } = call
  keepIdentity(body, before)
  if (body.roomId) await expectRoom(trx, before.accountId, body.roomId)
  const organizer = await loadOrganizer(trx, before.addedByUserId)
  if (!organizer) throw new Error(`meeting ${before.id} has lost its organizer`)
  const change = toChanges(before, body, organizer)
  if (Object.keys(change).length === 0) return before
  if (before.closedAt !== null && (change.startsAt ?? change.endsAt)) {
    throw new ApiError('conflict', 'startTime, endTime: the meeting was closed; schedule a new one.')
  }
  await updateMeetingRow(trx, before.id, { ...change, icalSequence: before.icalSequence + 1 })
  const after = await findMeeting(trx, before.id, { accountId: null, userId: null })
  if (!after) throw new Error(`meeting ${before.id} vanished under its own lock`)
  const links = meetingLinks(app)
  await append(trx, {
    accountId: before.accountId,
    userId: before.addedByUserId,
    type: 'meeting.updated',
    resourceId: before.id,
    resourceSeq: after.resourceSeq,
    actor,
    data: {
      before: toMeetingState(before, links),
      after: toMeetingState(after, links),
      notifyParticipants: params.notifyParticipants === 'true',
    },
  })
  return after
}

function filterMeetings(app: App, reach: MeetingReach, query: MeetingFilter) {
  const now = new Date(app.clock())
  const { accountId, addedByUserId, addedByUserEmail, from, to, topic, isClosed, isActive } = query
  const inside = sql<boolean>`exists (
    select 1 from meeting_participants where meeting_id = meetings.id and left_at is null)`
  const closed = sql<boolean>`(meetings.closed_at is not null or (meetings.ends_at <= ${now} and not ${inside}))`
  return selectMeetings(app.database, reach)
    .$if(accountId !== undefined, (rows) => rows.where('meetings.accountId', '=', accountId ?? ''))
    .$if(addedByUserId !== undefined, (rows) => rows.where('meetings.addedByUserId', '=', addedByUserId ?? ''))
    .$if(addedByUserEmail !== undefined, (rows) =>
      rows.where(sql`lower(users.email)`, '=', (addedByUserEmail ?? '').toLowerCase()),
    )
    .$if(from !== undefined, (rows) => rows.where('meetings.endsAt', '>', readTime(from ?? '', 'UTC').at))
    .$if(to !== undefined, (rows) => rows.where('meetings.startsAt', '<', readTime(to ?? '', 'UTC').at))
    .$if(topic !== undefined, (rows) =>
      rows.where(sql<boolean>`position(lower(${topic ?? ''}) in lower(meetings.topic)) > 0`),
    )
    .$if(isClosed !== undefined, (rows) => rows.where(isClosed === 'true' ? closed : sql<boolean>`not ${closed}`))
    .$if(isActive !== undefined, (rows) => rows.where(isActive === 'true' ? inside : sql<boolean>`not ${inside}`))
}
