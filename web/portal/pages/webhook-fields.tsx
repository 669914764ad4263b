/** What is asked of a webhook. */
import { useLingui } from '@lingui/react/macro'
import contract from 'virtual:contract'
import { MultiSelect } from '@mantine/core'
import type { FieldWish } from '../kit/schema-form.tsx'

export function useWebhookFields(): readonly FieldWish[] {
  const { t } = useLingui()
  const families = [...new Set(contract.events.map(({ type }) => `${type.split('.')[0]}.*`))]
  const types = [
    { group: t`Families`, items: ['*', ...families] },
    { group: t`Types`, items: contract.events.map(({ type }) => type) },
  ]
  return [
    { name: 'name', label: t`Name` },
    { name: 'url', label: t`Address`, placeholder: 'https://example.com/hook' },
    {
      name: 'event_types',
      label: t`Events`,
      render: ({ value, onChange, error }) => (
        <MultiSelect
          label={t`Events`}
          description={t`Types, a family such as call.*, or * for all.`}
          data={types}
          value={value as string[]}
          onChange={onChange}
          error={error}
          searchable
          clearable
          maxDropdownHeight={280}
        />
      ),
    },
    {
      name: 'ordering',
      label: t`Order`,
      options: [
        { value: 'none', label: t`As fast as possible` },
        { value: 'per_resource', label: t`In order for each object` },
        { value: 'strict', label: t`All in order` },
      ],
    },
    {
      name: 'signing',
      label: t`Signature`,
      options: [
        { value: 'hmac', label: t`Shared secret (HMAC)` },
        { value: 'ed25519', label: t`Public key (Ed25519)` },
      ],
    },
    { name: 'api_key', label: t`Key of yours`, isSecret: true },
  ]
}
