/**
 * Steering calls. A command is checked at once and answered when the event that it causes is in the log, or after the
 * time of `Prefer: wait=n` with 202; the event comes all the same, or `call.command_failed` does (E7).
 */
import { z } from 'zod'
import { CallId, callExamples, LegId } from './call.ts'
import { defineOperations } from './define.ts'
import { Event } from './event.ts'
import type { Path } from './resource.ts'
import { dataOf, readErrors, writeErrors } from './resource.ts'
import { telephonyIds } from './telephony-examples.ts'

export const CommandId = z
  .string()
  .regex(/^[A-Za-z0-9_.:-]{1,100}$/, 'must be 1 to 100 letters, digits and _ . : -')
  .meta({
    id: 'CommandId',
    description: 'Names the command: `correlation_id` of its event. Once for each command of an account in a day.',
  })

export const CommandResult = z
  .object({
    command_id: CommandId,
    call_id: CallId,
    status: z.enum(['done', 'accepted']).meta({
      description: '`accepted`: the event did not come yet; wait for it with this `command_id` as `correlation_id`.',
    }),
    cursor: z.string().meta({ description: 'Of the log before the command: give it as `after` to see all it caused.' }),
    seq: z.int().optional().meta({ description: 'Of the event.' }),
    event: Event.optional().meta({ description: 'What it caused.' }),
  })
  .meta({ id: 'CommandResult' })
export type CommandResult = z.output<typeof CommandResult>

export const commandErrors = [...writeErrors, 'unavailable'] as const
const calls = { surface: 'telephony', tag: 'Call control' } as const
export const ByCallId = z.object({ call_id: CallId })
const { legs, ...shown } = callExamples.state

/** As each verb may get it. */
export const commanded = { command_id: CommandId.optional() }
const ofLeg = {
  leg_id: LegId.optional().meta({
    description: 'Which side does it. Absent: one’s own; of a key or an administrator the account’s only one.',
  }),
}

const exampleEvent = (type: string): z.output<typeof Event> => ({
  id: '019a0000-0000-7000-8000-000000000002',
  seq: 42,
  cursor: 'c1f',
  type,
  account_id: telephonyIds.account,
  resource: { type: 'call', id: telephonyIds.call },
  resource_seq: 4,
  occurred_at: '2026-05-04T09:02:00.000Z',
  recorded_at: '2026-05-04T09:02:00.004Z',
  actor: { type: 'key', id: 'key_0123456789abcdef01234567' },
  correlation_id: 'cmd_5e945c36b863b82cefdd0009',
  schema_version: 1,
  data: { call: { ...shown, legs }, leg_id: telephonyIds.leg },
})

const resultExample = (type: string) => ({
  command_id: 'cmd_5e945c36b863b82cefdd0009',
  call_id: telephonyIds.call,
  status: 'done' as const,
  cursor: 'c1e',
  seq: 42,
  event: exampleEvent(type),
})

/** `POST /v3.0/realtime/calls/{call_id}/{verb}`. */
export const verb = <const A extends Path, D extends z.ZodRawShape>(of: {
  readonly path: A
  readonly summary: string
  readonly description?: string
  readonly data: D
  readonly asked: object
  /** That it causes. */
  readonly event: string
}) => ({
  ...calls,
  method: 'POST' as const,
  path: of.path,
  access: { kind: 'credential', scope: 'calls:control', minRole: 'user' } as const,
  summary: of.summary,
  ...(of.description !== undefined && { description: of.description }),
  params: ByCallId,
  body: z.strictObject({ data: z.strictObject({ ...commanded, ...of.data }) }),
  result: dataOf(CommandResult),
  isCommand: true as const,
  errors: commandErrors,
  example: { body: { data: of.asked }, result: { data: resultExample(of.event) } },
})

export const callControlOperations = defineOperations({
  hangUpCall: verb({
    path: '/v3.0/realtime/calls/{call_id}/hangup',
    summary: 'End a call',
    description:
      'Without `leg_id` a key or an administrator ends it whole; a person leaves it, which ends it where two talk.',
    data: ofLeg,
    asked: {},
    event: 'call.ended',
  }),
})
