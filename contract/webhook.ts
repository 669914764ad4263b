/**
 * Webhooks: where events are sent, which, how, and what keeps them from being forged (Standard Webhooks). Header values,
 * the API key and the signing secret are write-only but for the scope `secrets`.
 */
import { z } from 'zod'
import { askedShape, BooleanQuery, identity, ignoredShape, paging, tagged } from './telephony-values.ts'
import { Id, line, Timestamp } from './values.ts'

/** What stands for a secret in answers; sent back, it changes nothing. */
export const secretMask = '••••••••'

const isPlainAddress = (text: string) => {
  if (!URL.canParse(text)) return false
  const { username, password, hash } = new URL(text)
  return username === '' && password === '' && hash === ''
}

const Url = z
  .url({ protocol: /^https?$/, error: 'must be an http or https address' })
  .max(2000)
  .refine(isPlainAddress, 'must have no user, password or fragment: use `headers` for credentials')
  .meta({
    description:
      'Where events are sent. Redirects are not followed. When a credential without the scope `secrets` changes its origin, stored `headers` and `api_key` that are not given anew are removed.',
  })

export const EventPattern = z
  .string()
  .max(100)
  .regex(/^(\*|[a-z_]+\.(\*|[a-z_]+))$/, 'must be a type such as call.ended, a family such as call.*, or *')
  .meta({ id: 'EventPattern', examples: ['call.ended', 'meeting.*', '*'] })

const FilterValue = z.union([z.string().max(500), z.number(), z.boolean(), z.null()])
const EventCondition = z
  .strictObject({
    path: z
      .string()
      .max(200)
      .regex(/^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$/, 'must be names with dots between them, such as data.call.direction')
      .meta({ description: 'A field of the event as it is sent.', examples: ['data.call.direction'] }),
    op: z.enum(['eq', 'ne', 'in', 'not_in', 'prefix', 'exists']),
    value: z
      .union([FilterValue, z.array(FilterValue).max(100)])
      .optional()
      .meta({ description: '`in` and `not_in`: a list. `prefix`: a text. `exists`: true or false, default true.' }),
  })
  .superRefine(({ op, value }, context) => {
    const isList = Array.isArray(value)
    const problem =
      op === 'in' || op === 'not_in'
        ? !isList && 'must be a list'
        : op === 'prefix'
          ? typeof value !== 'string' && 'must be a text'
          : op === 'exists'
            ? value !== undefined && typeof value !== 'boolean' && 'must be true or false'
            : (isList || value === undefined) && 'must be one value'
    if (problem) context.addIssue({ code: 'custom', path: ['value'], message: problem })
  })
  .meta({ id: 'EventCondition' })
export type EventCondition = z.output<typeof EventCondition>

/** Names that are ours to send, or that would change how the request is read. */
const reservedHeader =
  /^(host|content-.*|connection|keep-alive|transfer-encoding|te|trailer|upgrade|expect|proxy-.*|webhook-.*|carillon-.*|user-agent)$/i
const HeaderName = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'must be a header name')
  .refine((name) => !reservedHeader.test(name), 'is a header that we send ourselves')
const HeaderValue = z
  .string()
  .max(2000)
  .regex(/^([\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?|[•]+)$/, 'must be visible ASCII characters')
export const mostHeaders = 20
const headerWords =
  'Headers of your own, such as `authorization`; names in small letters. Values are shown with the scope `secrets` only.'

const columns = {
  name: line(120).nullable(),
  url: Url,
  enabled: z.boolean().meta({
    description:
      'False: nothing is sent; what happens meanwhile is delivered when it is true again. As `pause` and `resume`.',
  }),
  external_id: tagged.external_id,
}
const settings = {
  method: z.enum(['POST', 'PUT']),
  event_types: z
    .array(EventPattern)
    .min(1)
    .max(200)
    .meta({ description: 'Types, `family.*` or `*`: of these, what the credential that sets them may read (E6).' }),
  filters: z
    .array(EventCondition)
    .max(20)
    .meta({ description: 'All must hold for an event to be sent. An absent field is null.' }),
  ordering: z.enum(['none', 'per_resource', 'strict']).meta({
    description:
      '`per_resource`: the next event of a call, meeting or other object is sent when the one before was accepted, or given up. `strict`: so for all events. A strict endpoint that fails holds everything.',
  }),
  format: z.enum(['standard', 'meeting_v6']).meta({
    description:
      '`standard`: the event as the event log shows it. `meeting_v6`: the bare meeting of the Web Meeting API, for `meeting.*` only, with the name of the hook in `x-hook`.',
  }),
  include_subaccounts: z
    .boolean()
    .meta({ description: 'Also events of all accounts below; needs the scope `subaccounts`.' }),
  signing: z.enum(['hmac', 'ed25519']).meta({
    description: '`v1` (a shared secret) or `v1a` (a public key) of Standard Webhooks. A change makes a new secret.',
  }),
  metadata: tagged.metadata,
}
const WebhookSettings = z.object(settings)
export type WebhookSettings = z.output<typeof WebhookSettings>

export const standardWebhook: WebhookSettings = {
  method: 'POST',
  event_types: ['*'],
  filters: [],
  ordering: 'none',
  format: 'standard',
  include_subaccounts: false,
  signing: 'hmac',
  metadata: {},
}

const shownState = {
  id: Id,
  account_id: Id,
  ...columns,
  ...settings,
  headers: z.record(z.string(), z.string()).meta({ description: headerWords }),
  status: z
    .enum(['active', 'paused', 'disabled'])
    .meta({ description: '`disabled`: by us, see `disabled_reason`; `resume` turns it on again.' }),
  disabled_reason: z
    .enum(['failing', 'gone'])
    .nullable()
    .meta({ description: '`failing`: five days without one success. `gone`: it answered 410.' }),
  stopped_at: Timestamp.nullable().meta({ description: 'Since when it is paused or disabled.' }),
  schema_version: z
    .literal(1)
    .meta({ description: 'Of the events that it gets; it stays what it was at the creation.' }),
  public_key: z
    .string()
    .nullable()
    .meta({ description: '`whpk_…`: what `v1a` signatures are verified with; null with `hmac`.' }),
  old_secret_expires_at: Timestamp.nullable().meta({
    description: 'Until then requests are signed with the secret before the last change, too.',
  }),
  created: Timestamp,
}
/** What the log tells: nothing secret, nothing that changes with each delivery. */
export const WebhookState = z.object(shownState).meta({ id: 'WebhookState' })

export const Webhook = z
  .object({
    ...shownState,
    cursor: z.string().meta({ description: 'Up to where the log was read for it.' }),
    pending: z.int().meta({ description: 'How many deliveries wait for their next attempt.' }),
    failing_since: Timestamp.nullable().meta({ description: 'The first failure since the last success.' }),
    last_success_at: Timestamp.nullable(),
    secret: z.string().optional().meta({
      description: '`whsec_…`: in the answer that makes it, and with the scope `secrets`. Not with `ed25519`.',
    }),
    api_key: z.string().nullable().optional().meta({ description: 'Shown with the scope `secrets` only.' }),
  })
  .meta({ id: 'Webhook' })
export type Webhook = z.output<typeof Webhook>

const wanted = {
  ...askedShape({ ...columns, ...settings }),
  headers: z
    .record(HeaderName, HeaderValue.nullable())
    .refine((headers) => Object.keys(headers).length <= mostHeaders, `must be at most ${mostHeaders}`)
    .nullish()
    .meta({ description: `${headerWords} Merged by name; null removes.` }),
  api_key: HeaderValue.nullish().meta({ description: 'Write-only: sent as `x-api-key`.' }),
}
export const NewWebhook = z
  .strictObject({
    ...wanted,
    url: Url,
    after: z
      .string()
      .max(100)
      .optional()
      .meta({ description: 'A cursor of the event log to begin after. Default `now`.' }),
  })
  .meta({ id: 'NewWebhook' })
export type NewWebhook = z.output<typeof NewWebhook>

const readOnly = [
  'status',
  'disabled_reason',
  'stopped_at',
  'schema_version',
  'public_key',
  'old_secret_expires_at',
  'cursor',
  'pending',
  'failing_since',
  'last_success_at',
  'secret',
] as const
export const PatchWebhook = z
  .strictObject({ ...wanted, ...identity, ...ignoredShape(readOnly) })
  .meta({ id: 'PatchWebhook' })
export type PatchWebhook = z.output<typeof PatchWebhook>
export const UpdateWebhook = PatchWebhook.extend({ id: Id }).meta({ id: 'UpdateWebhook' })

export const WebhookFilter = z.strictObject({
  ...paging,
  enabled: BooleanQuery.optional(),
  sort: z.enum(['created', '-created']).optional().meta({ description: 'Default `created`.' }),
})

export const ResumeWebhook = z
  .strictObject({
    catch_up: z.boolean().optional().meta({
      description:
        'True (default): everything that happened since it stopped is delivered. False: it goes on at the present, and what waits is cancelled.',
    }),
  })
  .meta({ id: 'ResumeWebhook' })
export const RotateWebhookSecret = z
  .strictObject({
    overlap_seconds: z
      .int()
      .min(0)
      .max(2_592_000)
      .optional()
      .meta({ description: 'How long the old secret signs too. Default 86,400 (a day).' }),
  })
  .meta({ id: 'RotateWebhookSecret' })
