/**
 * What is so now, with the cursor at which it is true: a snapshot and the events after its cursor make every later one.
 *
 * Invariant (E4): each item has the version of its resource; an event that is not newer is already in it.
 */
import { z } from 'zod'
import { callExamples, CallState } from './call.ts'
import { BoundAt } from './configuration-events.ts'
import { defineOperations } from './define.ts'
import { Cursor, EventFilter } from './event.ts'
import { InMeeting, MeetingState } from './events.ts'
import { examples } from './examples.ts'
import { presenceExample, PresenceState } from './presence.ts'
import { readErrors } from './resource.ts'
import { telephonyExamples } from './telephony-examples.ts'
import { Id, JsonValue } from './values.ts'

const resource_seq = z.int().meta({ description: 'The version that this shows; events that are not newer are in it.' })

export const LiveCall = CallState.extend({ resource_seq }).meta({ id: 'LiveCall' })

export const LiveRegistration = z
  .object({
    id: Id.meta({ description: 'Of the device.' }),
    account_id: Id,
    bindings: z.array(BoundAt).meta({ description: 'Where it is registered, in the order of their contacts.' }),
    resource_seq,
  })
  .meta({ id: 'LiveRegistration' })

export const LiveMeeting = z
  .object({
    id: Id,
    account_id: Id,
    meeting: MeetingState,
    participants: z.array(InMeeting).meta({ description: 'Who is in it, the longest first.' }),
    resource_seq,
  })
  .meta({ id: 'LiveMeeting' })

export const Presence = PresenceState.extend({ resource_seq }).meta({ id: 'Presence' })

const SnapshotFilter = z.strictObject({ account: EventFilter.shape.account })

const snapshot = <P extends string, T extends z.ZodType>(
  path: P,
  summary: string,
  description: string,
  item: T,
  example: readonly unknown[],
) => ({
  surface: 'telephony' as const,
  tag: 'Realtime',
  method: 'GET' as const,
  path: `/v3.0/realtime/${path}` as const,
  access: { kind: 'credential', scope: 'realtime', minRole: 'user' } as const,
  summary,
  description: `${description} People see what concerns themselves. Go on with the stream from \`cursor\`.`,
  query: SnapshotFilter,
  result: z.object({ data: z.array(item), cursor: Cursor.meta({ description: 'Where the stream goes on.' }) }),
  errors: readErrors,
  example: { result: { data: example, cursor: 'c1' } },
})

const { device } = telephonyExamples
const { icsToken: _a, hostUrl: _b, isActive: _c, isClosed: _d, isOpen: _e, ...meetingState } = examples.meeting
const ids = { account_id: examples.ids.account, resource_seq: 3 }

export const snapshotOperations = defineOperations({
  listLiveCalls: snapshot('calls', 'Calls that are going on', 'Needs `telephony:read` too.', LiveCall, [
    { ...callExamples.state, resource_seq: 3 },
  ]),
  listLiveRegistrations: snapshot(
    'registrations',
    'Devices that are registered',
    'Needs `telephony:read` too.',
    LiveRegistration,
    [
      {
        ...ids,
        id: device.id,
        bindings: [
          {
            contact: `sip:${device.username}@192.0.2.10:5060`,
            transport: 'udp',
            contact_ip: '192.0.2.10',
            contact_port: 5060,
            user_agent: 'Phone/1.0',
          },
        ],
      },
    ],
  ),
  listLiveMeetings: snapshot('meetings', 'Meetings that are going on', 'Needs `meeting` too.', LiveMeeting, [
    { ...ids, id: examples.meeting.id, meeting: meetingState, participants: [examples.participant] },
  ]),
  listPresence: snapshot('presence', 'Who is there, and who is talking', 'Needs `telephony:read` too.', Presence, [
    { ...presenceExample, resource_seq: 3 },
  ]),
  listLiveQueues: snapshot(
    'queues',
    'Queues with who waits in them',
    'There are no queues yet: the list is empty.',
    JsonValue,
    [],
  ),
})
