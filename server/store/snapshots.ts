/**
 * What is so now, of the accounts and the person that a reader may see (E6): the rows that events tell the changes of.
 *
 * Invariant (E1): a row and its event commit together, so rows that are read after a cursor was taken hold everything
 * that was told up to it.
 */
import { sql } from 'kysely'
import type { z } from 'zod'
import type { LiveMeeting, LiveRegistration, Presence } from '../../contract/snapshot.ts'
import { accountSql, type LogAccounts } from '../events/filter.ts'
import type { Database } from './database.ts'
import { type MeetingLinks, selectMeetings, toMeetingState } from './meetings.ts'
import { toInMeeting } from './participants.ts'
import { toPresenceState } from './presence.ts'

/** Of whom: as the filter of events. */
export interface Seen {
  readonly accounts: LogAccounts
  readonly userId: string | null
}

/** The texts of calls, as their last event told them. */
export async function readLiveCalls(database: Database, { accounts, userId }: Seen): Promise<string[]> {
  const rows = await database
    .selectFrom('calls')
    .select(['resourceSeq', 'state'])
    .where('endedAt', 'is', null)
    .where('state', 'is not', null)
    .where(accountSql(accounts, 'account_id'))
    .$if(userId !== null, (query) => query.where('ownerId', '=', userId))
    .orderBy('startedAt')
    .orderBy('id')
    .execute()
  return rows.map(({ resourceSeq, state }) => `{"resource_seq":${resourceSeq},${state?.slice(1)}`)
}

export async function readLiveRegistrations(
  database: Database,
  { accounts, userId }: Seen,
): Promise<z.output<typeof LiveRegistration>[]> {
  const rows = await database
    .selectFrom('registrations')
    .innerJoin('devices', 'devices.id', 'registrations.deviceId')
    .select(['devices.id', 'devices.accountId', 'registrations.resourceSeq'])
    .select(['contact', 'transport', 'contactIp', 'contactPort', 'userAgent'])
    .where(accountSql(accounts, 'devices.account_id'))
    .$if(userId !== null, (query) => query.where('devices.ownerId', '=', userId))
    .orderBy('devices.id')
    .orderBy(sql`contact collate "C"`)
    .execute()
  return [...Map.groupBy(rows, ({ id }) => id).values()].flatMap((bindings) => {
    const [first] = bindings
    if (!first) return []
    return {
      id: first.id,
      account_id: first.accountId,
      bindings: bindings.map((row) => ({
        contact: row.contact,
        transport: row.transport,
        contact_ip: row.contactIp,
        contact_port: row.contactPort,
        user_agent: row.userAgent,
      })),
      resource_seq: Math.max(...bindings.map(({ resourceSeq }) => resourceSeq)),
    }
  })
}

/** In one transaction that sees one moment: a meeting's version and who is in it belong together. */
export function readLiveMeetings(
  database: Database,
  links: MeetingLinks,
  { accounts, userId }: Seen,
): Promise<z.output<typeof LiveMeeting>[]> {
  return database
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (trx) => {
      const meetings = await selectMeetings(trx, { accountId: null, userId })
        .where(accountSql(accounts, 'meetings.account_id'))
        .where('meetings.startedAt', 'is not', null)
        .where('meetings.closedAt', 'is', null)
        .orderBy('meetings.startedAt')
        .orderBy('meetings.id')
        .execute()
      const ids = meetings.map(({ id }) => id)
      const people = await trx
        .selectFrom('meetingParticipants')
        .selectAll()
        .where('meetingId', '=', sql<string>`any(${ids}::text[])`)
        .where('leftAt', 'is', null)
        .orderBy('joinedAt')
        .orderBy('id')
        .execute()
      const inside = Map.groupBy(people, ({ meetingId }) => meetingId)
      return meetings.map((row) => ({
        id: row.id,
        account_id: row.accountId,
        meeting: toMeetingState(row, links),
        participants: (inside.get(row.id) ?? []).map(toInMeeting),
        resource_seq: row.resourceSeq,
      }))
    })
}

/** The people, in the order of their ids. */
export async function readPresence(
  database: Database,
  { accounts, userId }: Seen,
): Promise<z.output<typeof Presence>[]> {
  const rows = await database
    .selectFrom('presence')
    .selectAll()
    .where(accountSql(accounts, 'account_id'))
    .$if(userId !== null, (query) => query.where('userId', '=', userId))
    .orderBy('userId')
    .execute()
  return rows.map((row) => ({ ...toPresenceState(row), resource_seq: row.resourceSeq }))
}
