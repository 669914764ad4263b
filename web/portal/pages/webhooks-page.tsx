/** Webhooks: where events are sent, and how that goes. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button } from '@mantine/core'
import { Link, Outlet, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { Answer } from '../../../contract/client.ts'
import { ApiButton } from '../kit/api-button.tsx'
import { type Column, DataTable, SearchField, useListSearch } from '../kit/data-table.tsx'
import { LiveDot } from '../kit/live-dot.tsx'
import { Empty, Page } from '../kit/page.tsx'
import { Panel } from '../kit/panel.tsx'
import { SchemaForm } from '../kit/schema-form.tsx'
import { ShownOnce } from '../kit/shown-once.tsx'
import { Sign } from '../kit/sign.tsx'
import { When } from '../kit/when.tsx'
import { useRead, useWrite } from '../session.tsx'
import { useWebhookFields } from './webhook-fields.tsx'

export type Webhook = Answer<'GET /v3.0/webhooks'>['data'][number]

export const webhookChanges = ['GET /v3.0/webhooks', 'GET /v3.0/webhooks/{id}'] as const

export function WebhooksPage() {
  const { t } = useLingui()
  const { search, set } = useListSearch()
  const webhooks = useRead('GET /v3.0/webhooks', { query: {} })
  const wanted = search.q?.toLowerCase() ?? ''
  const rows = webhooks.data?.data.filter(({ name, url }) => `${name ?? ''} ${url}`.toLowerCase().includes(wanted))
  const columns: readonly Column<Webhook>[] = [
    { id: 'name', title: t`Name`, cell: (webhook) => nameOf(webhook) },
    { id: 'state', title: t`State`, cell: (webhook) => <WebhookStatus webhook={webhook} /> },
    {
      id: 'types',
      title: t`Events`,
      isForWide: true,
      cell: ({ event_types }) => (
        <span className="tags">
          {event_types.slice(0, 2).map((type) => (
            <code key={type} className="tag">
              {type}
            </code>
          ))}
          {event_types.length > 2 && <span className="soft">+{event_types.length - 2}</span>}
        </span>
      ),
    },
    { id: 'pending', title: t`Waiting`, isAtEnd: true, isForWide: true, cell: ({ pending }) => pending },
    {
      id: 'success',
      title: t`Last success`,
      isAtEnd: true,
      isForWide: true,
      cell: ({ last_success_at }) => (last_success_at ? <When at={last_success_at} /> : <Trans>never</Trans>),
    },
  ]
  const add = (
    <Button component={Link} to="/developers/webhooks/new" search leftSection={<Sign name="plus" size={16} />}>
      <Trans>Add a webhook</Trans>
    </Button>
  )
  return (
    <div className="split">
      <Page
        title={t`Webhooks`}
        beside={<LiveDot />}
        actions={
          <>
            <ApiButton calls={[{ route: 'GET /v3.0/webhooks' }]} />
            {add}
          </>
        }
      >
        <div className="list-bar">
          <SearchField label={t`Search webhooks`} value={search.q} onChange={(q) => set({ q })} />
        </div>
        <DataTable
          name="webhooks"
          label={t`Webhooks`}
          columns={columns}
          rows={rows}
          idOf={({ id }) => id}
          panel={({ id }) => ({ to: '/developers/webhooks/$id', params: { id } })}
          error={webhooks.error}
          onRetry={() => void webhooks.refetch()}
          empty={
            wanted ? (
              <Empty>
                <Trans>No webhook is called so.</Trans>
              </Empty>
            ) : (
              <Empty action={add} guide="/docs">
                <Trans>A webhook sends what happens to a program of yours, signed, and again until it is taken.</Trans>
              </Empty>
            )
          }
        />
      </Page>
      <Outlet />
    </div>
  )
}

export const nameOf = ({ name, url }: Webhook): string => name ?? new URL(url).host

export function WebhookStatus({ webhook }: { readonly webhook: Webhook }) {
  const { status, failing_since, disabled_reason } = webhook
  if (status === 'paused') {
    return (
      <span className="state is-waiting">
        <i aria-hidden="true" />
        <Trans>paused</Trans>
      </span>
    )
  }
  if (status === 'disabled') {
    return (
      <span className="state is-bad">
        <i aria-hidden="true" />
        {disabled_reason === 'gone' ? <Trans>off: it answered 410</Trans> : <Trans>off: five days of failures</Trans>}
      </span>
    )
  }
  return (
    <span className={`state ${failing_since ? 'is-bad' : 'is-good'}`}>
      <i aria-hidden="true" />
      {failing_since ? <Trans>failing</Trans> : <Trans>active</Trans>}
    </span>
  )
}

export function NewWebhookPanel() {
  const { t } = useLingui()
  const navigate = useNavigate()
  const create = useWrite('PUT /v3.0/webhooks', { changes: webhookChanges })
  const fields = useWebhookFields()
  const [made, setMade] = useState<Webhook | null>(null)
  const show = (id: string) =>
    void navigate({ to: '/developers/webhooks/$id', params: { id }, search: (before) => before })
  return (
    <Panel title={t`Add a webhook`} back="/developers/webhooks">
      <SchemaForm
        route="PUT /v3.0/webhooks"
        fields={fields}
        initial={{ name: '', url: '', event_types: ['call.*'], ordering: 'none', signing: 'hmac', api_key: '' }}
        isNew
        save={t`Add`}
        onSave={async (data) => {
          const { data: webhook } = await create.mutateAsync({ body: { data: data as { url: string } } })
          if (webhook.secret) setMade(webhook)
          else show(webhook.id)
        }}
      />
      {made && (
        <ShownOnce
          title={t`Signing secret of ${nameOf(made)}`}
          secret={made.secret ?? ''}
          onClose={() => show(made.id)}
        >
          <p className="soft">
            <Trans>Verify each request with it: any library of Standard Webhooks does.</Trans>
          </p>
        </ShownOnce>
      )}
    </Panel>
  )
}
