/**
 * What api.bench.ts measures the product against: the bare framework and driver with the same statement, which writes a
 * meeting and its event. No rights, no checks, no documents; the answer is as long as the product's.
 */
import { randomBytes, randomUUID, randomUUIDv7 } from 'node:crypto'
import Fastify from 'fastify'
import pg from 'pg'

const connection: pg.ClientConfig = JSON.parse(process.argv[2] ?? '{}')
const pool = new pg.Pool({ max: 10, ...connection })
pool.on('error', () => {}) // the benchmark is over
const { rows } = await pool.query<{ user_id: string; account_id: string; room_id: string }>(
  'select users.id as user_id, users.account_id, rooms.id as room_id from users join rooms using (account_id) limit 1',
)
const [who] = rows
if (!who) throw new Error('the product’s process makes the account first')
const { user_id, account_id, room_id } = who

const statement = `
  with told as (
    insert into event_inbox (event_id, account_id, user_id, type, resource_type, resource_id, resource_seq, occurred_at,
      actor, correlation_id, schema_version, data)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) returning 1 as one
  )
  insert into meetings (starts_local, ends_local, starts_at, ends_at, timezone, room_id, topic, duration, type, agenda,
    is_recurring, recurring, is_recorded, is_dialin, invited_participants, documents, meeting_permission_id,
    video_resolution, id, account_id, added_by_user_id, number, ics_token, started_at, closed_at, created_at, updated_at)
  values ($13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34,
    $35, $36, $37, $38, $39)`

interface Asked {
  readonly topic: string
  readonly startTime: string
  readonly duration: number
}

function toMeeting({ topic, startTime, duration }: Asked) {
  const id = randomBytes(12).toString('hex')
  const number = String(randomBytes(6).readUIntBE(0, 6)).padStart(16, '0')
  const endTime = new Date(Date.parse(startTime) + duration * 60_000).toISOString()
  const people = {
    addedByUserId: user_id,
    addedByUserEmail: 'root@example.com',
    accountId: account_id,
    addedByUserName: 'Root',
  }
  const recurring = {
    frequencyType: '',
    frequency: null,
    monthlyPattern: '',
    endsType: '',
    endsOn: endTime,
    endsAfter: 0,
  }
  return {
    ...{ invitedParticipants: [], meetingId: number, id, topic, startTime, endTime, duration: String(duration) },
    ...{
      type: 'standard',
      roomId: room_id,
      isRecurring: false,
      isDialin: false,
      recurring,
      isRecorded: false,
      agenda: '',
    },
    ...{
      documents: [],
      meetingPermissionId: null,
      videoResolution: 'standard',
      dtClosedAt: null,
      whitelabelId: account_id,
    },
    ...{ ...people, timezone: 'UTC', privateDataVisible: true, icalSequence: '0', dialInConferenceRoom: null },
    ...{ dialInNumbers: [], dialInPin: null, sipProxy: null, sipDomain: null, isDemo: false, isPromo: false },
    joinUrl: `http://localhost:8080/meet/${number}`,
  }
}

const http = Fastify({ logger: false })
http.post('/api/v6/meeting', async (request) => {
  const meeting = toMeeting(request.body as Asked)
  const { id, topic, startTime, endTime, duration, meetingId } = meeting
  const icsToken = `${randomUUID()}-${randomUUID()}`
  const now = new Date()
  const actor = JSON.stringify({ type: 'key', id: null, on_behalf_of: user_id, ip: request.ip })
  const data = JSON.stringify({ meeting })
  await pool.query(statement, [
    ...[randomUUIDv7(), account_id, user_id, 'meeting.scheduled', 'meeting', id, 1, now, actor, null, 1, data],
    ...[startTime.slice(0, -1), endTime.slice(0, -1), new Date(startTime), new Date(endTime), 'UTC', room_id, topic],
    ...[duration, 'standard', '', false, '{}', false, false, '[]', '[]', null, 'standard', id, account_id, user_id],
    ...[meetingId, icsToken, null, null, now, now],
  ])
  return { responseCode: 0, data: { ...meeting, icsToken, isActive: false, isClosed: false, isOpen: false } }
})
const url = await http.listen({ host: '127.0.0.1', port: 0 })
process.on('message', () => process.send?.(process.cpuUsage()))
process.send?.({ url, headers: {} })
