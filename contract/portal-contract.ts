/** What the portal shows of the contract, as plain JSON that is made at its build: forms, scopes and types of events. */
import { z } from 'zod'
import { scopes } from './access.ts'
import type { Operation } from './define.ts'
import { events } from './events.ts'
import { operationIds, operationTable } from './operations.ts'

type JsonSchema = z.core.JSONSchema.BaseSchema

export interface PortalContract {
  /** By operation (`PUT /v3.0/devices`): what its `data` may hold. */
  readonly forms: Readonly<Record<string, JsonSchema>>
  /** With their words. */
  readonly scopes: Readonly<Record<string, string>>
  readonly events: readonly { readonly type: string; readonly summary: string; readonly scope: string }[]
}

/** Those that the portal has a form for. */
const withForm = new Set(['createDevice', 'patchDevice', 'createTelephonyUser', 'patchTelephonyUser', 'createKey'])
withForm.add('createWebhook').add('patchWebhook')

export const portalContract = (): PortalContract => ({
  forms: Object.fromEntries(
    operationIds
      .filter((id) => withForm.has(id))
      .map((id) => [`${operationTable[id].method} ${operationTable[id].path}`, formOf(operationTable[id])]),
  ),
  scopes,
  events: Object.entries(events).map(([type, { summary, scope }]) => ({ type, summary, scope })),
})

function formOf({ body }: Operation): JsonSchema {
  const data = body instanceof z.ZodObject ? body.shape.data : body
  return z.toJSONSchema(data, { io: 'input', unrepresentable: 'any' })
}
