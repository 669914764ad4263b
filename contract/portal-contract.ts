/**
 * What the portal shows of the contract, as plain JSON that is made at its build: forms, scopes and types of events; and all
 * its words, which its catalogues translate.
 */
import { z } from 'zod'
import { scopes } from './access.ts'
import type { Operation } from './define.ts'
import { events } from './events.ts'
import { operationTable } from './operations.ts'

type JsonSchema = z.core.JSONSchema.BaseSchema

export interface PortalContract {
  /** By operation (`PUT /v3.0/devices`): what its `data` may hold, as far as the portal has a field for it. */
  readonly forms: Readonly<Record<string, JsonSchema>>
  /** With their words. */
  readonly scopes: Readonly<Record<string, string>>
  readonly events: readonly { readonly type: string; readonly summary: string; readonly scope: string }[]
}

const ofPerson = ['first_name', 'last_name', 'email', 'username', 'priv_level', 'password', 'language', 'time_zone']
const ofPhone = ['name', 'owner_id', 'username', 'password']
const ofCalls = ['enabled', 'do_not_disturb', 'call_forward']
const ofWebhook = [
  ...['name', 'url', 'method', 'headers', 'api_key', 'event_types', 'filters', 'include_subaccounts'],
  ...['format', 'ordering', 'signing', 'external_id', 'metadata'],
]
const shown = {
  createTelephonyUser: ofPerson,
  patchTelephonyUser: [...ofPerson, ...ofCalls, 'call_waiting', 'mobile_number'],
  createDevice: ofPhone,
  patchDevice: [...ofPhone, ...ofCalls],
  createKey: ['name', 'scopes', 'networks', 'expires_at'],
  createWebhook: [...ofWebhook, 'after'],
  patchWebhook: ofWebhook,
} as const satisfies Partial<Record<keyof typeof operationTable, readonly string[]>>

export const portalContract = (): PortalContract => ({
  forms: Object.fromEntries(
    Object.entries(shown).map(([id, names]) => {
      const operation = operationTable[id as keyof typeof shown]
      return [`${operation.method} ${operation.path}`, formOf(operation, names)]
    }),
  ),
  scopes,
  events: Object.entries(events).map(([type, { summary, scope }]) => ({ type, summary, scope })),
})

function formOf({ body }: Operation, names: readonly string[]): JsonSchema {
  const data = body instanceof z.ZodObject ? body.shape.data : body
  if (!(data instanceof z.ZodObject)) throw new Error('a form is of an object')
  const fields = names.map((name) => [name, data.shape[name]] as const)
  return z.toJSONSchema(z.object(Object.fromEntries(fields)), { io: 'input', unrepresentable: 'any' })
}

/** In English, as the catalogues of the portal have them. */
export function portalWords(): readonly string[] {
  const { forms, scopes, events } = portalContract()
  const words = [
    ...Object.values(forms).flatMap(descriptionsIn),
    ...Object.values(scopes),
    ...events.map(({ summary }) => summary),
  ]
  return [...new Set(words)]
}

function descriptionsIn(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  return Object.entries(schema).flatMap(([name, value]) =>
    name === 'description' && typeof value === 'string' ? [value] : descriptionsIn(value),
  )
}
