/** What is asked of a webhook: every field that the contract has for one. */
import { useLingui } from '@lingui/react/macro'
import type { EventCondition } from '../../../contract/webhook.ts'
import { JsonField } from '../kit/json-field.tsx'
import type { FieldWish } from '../kit/schema-field.tsx'
import { useSession } from '../session.tsx'
import { EventTypesField } from './event-types-field.tsx'
import { FiltersField } from './filters-field.tsx'
import { faultOfValue } from './header-rows.ts'
import { HeadersField, useHeaderWords } from './headers-field.tsx'
import type { Webhook } from './webhook-status.tsx'

type Fields = Record<string, unknown>

export const newWebhook: Fields = {
  name: '',
  url: '',
  method: 'POST',
  headers: {},
  api_key: '',
  event_types: ['call.*'],
  filters: [],
  include_subaccounts: false,
  format: 'standard',
  ordering: 'none',
  signing: 'hmac',
  after: '',
  external_id: '',
  metadata: {},
}

/** As its form begins; secrets are written, never read. */
export const valuesOf = (webhook: Webhook): Fields => ({
  name: webhook.name ?? '',
  url: webhook.url,
  method: webhook.method,
  headers: webhook.headers,
  api_key: '',
  event_types: webhook.event_types,
  filters: webhook.filters,
  include_subaccounts: webhook.include_subaccounts,
  format: webhook.format,
  ordering: webhook.ordering,
  signing: webhook.signing,
  external_id: webhook.external_id ?? '',
  metadata: webhook.metadata,
})

export function useWebhookFields(isNew: boolean): readonly FieldWish[] {
  const { t } = useLingui()
  const { who } = useSession()
  const [where, what, how, yours] = [t`Where`, t`What`, t`How`, t`For your own records`]
  const begin = { group: what, name: 'after', label: t`Begin after`, placeholder: 'now' }
  const below = { group: what, name: 'include_subaccounts', label: t`Also organisations below` }
  return [
    { group: where, name: 'name', label: t`Name` },
    { group: where, name: 'url', label: t`Address`, placeholder: 'https://example.com/hook' },
    { group: where, name: 'method', label: t`Method` },
    ...useCredentialFields(where),
    ...useEventFields(what),
    ...(who.scopes.includes('subaccounts') ? [below] : []),
    {
      group: what,
      name: 'format',
      label: t`Format`,
      options: [
        { value: 'standard', label: t`The whole event` },
        { value: 'meeting_v6', label: t`The bare meeting (Web Meeting API)` },
      ],
    },
    ...(isNew ? [begin] : []),
    {
      group: how,
      name: 'ordering',
      label: t`Order`,
      options: [
        { value: 'none', label: t`As fast as possible` },
        { value: 'per_resource', label: t`In order for each object` },
        { value: 'strict', label: t`All in order` },
      ],
    },
    {
      group: how,
      name: 'signing',
      label: t`Signature`,
      options: [
        { value: 'hmac', label: t`Shared secret (HMAC)` },
        { value: 'ed25519', label: t`Public key (Ed25519)` },
      ],
    },
    { group: yours, name: 'external_id', label: t`External id` },
    {
      group: yours,
      name: 'metadata',
      label: t`Metadata`,
      check: (value) => (typeof value === 'string' ? t`This is no JSON object.` : null),
      render: (input) => <JsonField label={t`Metadata`} {...input} />,
    },
  ]
}

function useCredentialFields(group: string): readonly FieldWish[] {
  const { t } = useLingui()
  const words = useHeaderWords()
  return [
    {
      group,
      name: 'headers',
      label: t`Headers`,
      isSecret: true,
      check: (value) => {
        const fault = faultOfValue(value)
        return fault && words[fault]
      },
      render: (input) => <HeadersField {...input} />,
    },
    { group, name: 'api_key', label: t`Key of yours`, isSecret: true },
  ]
}

function useEventFields(group: string): readonly FieldWish[] {
  const { t } = useLingui()
  const isNameless = ({ path }: EventCondition) => path === ''
  return [
    {
      group,
      name: 'event_types',
      label: t`Events`,
      check: (value) => ((value as readonly string[]).length === 0 ? t`Choose one at least.` : null),
      render: (input) => <EventTypesField {...input} />,
    },
    {
      group,
      name: 'filters',
      label: t`Conditions`,
      check: (value) => ((value as readonly EventCondition[]).some(isNameless) ? t`Name a field of the event.` : null),
      render: (input) => <FiltersField {...input} />,
    },
  ]
}
