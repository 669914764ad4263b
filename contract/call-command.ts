/**
 * What all commands to calls have in common. A command is checked at once and answered when the event that it causes is in the log, or after the
 * time of `Prefer: wait=n` with 202; the event comes all the same, or `call.command_failed` does (E7).
 */
import { z } from 'zod'
import { CallId, callExamples, LegId } from './call.ts'
import { Event } from './event.ts'
import { dataOf, type Path, writeErrors } from './resource.ts'
import { telephonyIds } from './telephony-examples.ts'
import { Id, line } from './values.ts'

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

/** A phone that is to ring: of a person, or one of them. */
export const PhoneTarget = z
  .union([z.strictObject({ user_id: Id }), z.strictObject({ device_id: Id })])
  .meta({ id: 'PhoneTarget', description: 'The phones of a user, or one device.' })
/** Where a call goes. */
export const CallTarget = z
  .union([
    z.strictObject({ number: line(64).min(1) }),
    z.strictObject({ user_id: Id }),
    z.strictObject({ device_id: Id }),
  ])
  .meta({ id: 'CallTarget', description: 'A number as a phone of the account would dial it, a user, or a device.' })
export type CallTarget = z.output<typeof CallTarget>

/** Of each of its operations. */
export const callControl = {
  surface: 'telephony',
  tag: 'Call control',
  access: { kind: 'credential', scope: 'calls:control', minRole: 'user' },
  result: dataOf(CommandResult),
  isCommand: true,
  errors: [...writeErrors, 'unavailable'],
} as const
export const ByCallId = z.object({ call_id: CallId })
const { legs, ...shown } = callExamples.state

/** As each verb may get it. */
const commanded = { command_id: CommandId.optional() }
export const ofLeg = {
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

export const commandExample = (type: string) => ({
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
  ...callControl,
  method: 'POST' as const,
  path: of.path,
  summary: of.summary,
  ...(of.description !== undefined && { description: of.description }),
  params: ByCallId,
  body: z.strictObject({ data: z.strictObject({ ...commanded, ...of.data }) }),
  example: { body: { data: of.asked }, result: { data: commandExample(of.event) } },
})
