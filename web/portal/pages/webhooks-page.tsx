/** Webhooks: where events are sent, and how that goes. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useChosen } from '../kit/choice.tsx'
import { type Column, useListSearch } from '../kit/data-table.tsx'
import { ListPage } from '../kit/list-page.tsx'
import { Panel } from '../kit/panel.tsx'
import { SchemaForm } from '../kit/schema-form.tsx'
import { ShownOnce } from '../kit/shown-once.tsx'
import { Sign } from '../kit/sign.tsx'
import { forEach, useTell } from '../kit/tell.ts'
import { When } from '../kit/when.tsx'
import { useRead, useWrite } from '../session.tsx'
import { newWebhook, useWebhookFields } from '../webhooks/webhook-fields.tsx'
import { nameOf, type Webhook, webhookChanges as changes, WebhookStatus } from '../webhooks/webhook-status.tsx'

export function WebhooksPage() {
  const { t } = useLingui()
  const { search } = useListSearch()
  const webhooks = useRead('GET /v3.0/webhooks', { query: {} })
  const wanted = search.q?.toLowerCase() ?? ''
  const rows = webhooks.data?.data.filter(({ name, url }) => `${name ?? ''} ${url}`.toLowerCase().includes(wanted))
  const chosen = useChosen(rows ?? [], ({ id }) => id)
  const columns: readonly Column<Webhook>[] = [
    { id: 'name', title: t`Name`, cell: (webhook) => <bdi>{nameOf(webhook)}</bdi> },
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
  return (
    <ListPage
      title={t`Webhooks`}
      calls={[{ route: 'GET /v3.0/webhooks' }]}
      add={{ to: '/developers/webhooks/new', verb: t`Add a webhook` }}
      searchLabel={t`Search webhooks`}
      isNarrowed={wanted !== ''}
      nothingFound={t`No webhook is called so.`}
      nothingYet={t`A webhook sends what happens to a program of yours, signed, and again until it is taken.`}
      name="webhooks"
      columns={columns}
      rows={rows}
      idOf={({ id }) => id}
      panel="/developers/webhooks/$id"
      error={webhooks.error}
      onRetry={() => void webhooks.refetch()}
      choice={{ chosen: chosen.chosen, set: chosen.set, nameOf, actions: <Several webhooks={chosen.rows} /> }}
    />
  )
}

/** Pauses or resumes all that are chosen, as far as they are not so already. */
function Several({ webhooks }: { readonly webhooks: readonly Webhook[] }) {
  const { t } = useLingui()
  const tell = useTell()
  const [isBusy, setBusy] = useState(false)
  const pause = useWrite('POST /v3.0/webhooks/{id}/pause', { changes })
  const resume = useWrite('POST /v3.0/webhooks/{id}/resume', { changes })
  const active = webhooks.filter(({ status }) => status === 'active')
  const stopped = webhooks.filter(({ status }) => status !== 'active')
  const run = async (work: Promise<void>, words: string) => {
    setBusy(true)
    await tell(work, words)
    setBusy(false)
  }
  const pauseAll = () =>
    run(
      forEach(active, ({ id }) => pause.mutateAsync({ params: { id } })),
      t`They are paused. Their places are kept.`,
    )
  const resumeAll = () =>
    run(
      forEach(stopped, ({ id }) => resume.mutateAsync({ params: { id }, body: { data: { catch_up: true } } })),
      t`They go on, with everything that happened meanwhile.`,
    )
  return (
    <>
      {active.length > 0 && (
        <Button
          size="xs"
          variant="default"
          loading={isBusy}
          leftSection={<Sign name="pause" size={14} />}
          onClick={() => void pauseAll()}
        >
          <Trans>Pause</Trans>
        </Button>
      )}
      {stopped.length > 0 && (
        <Button
          size="xs"
          variant="default"
          loading={isBusy}
          leftSection={<Sign name="play" size={14} />}
          onClick={() => void resumeAll()}
        >
          <Trans>Resume and catch up</Trans>
        </Button>
      )}
    </>
  )
}

export function NewWebhookPanel() {
  const { t } = useLingui()
  const navigate = useNavigate()
  const create = useWrite('PUT /v3.0/webhooks', { changes })
  const fields = useWebhookFields(true)
  const [made, setMade] = useState<Webhook | null>(null)
  const show = (id: string) =>
    void navigate({ to: '/developers/webhooks/$id', params: { id }, search: (before) => before })
  return (
    <Panel title={t`Add a webhook`} back="/developers/webhooks">
      <SchemaForm
        route="PUT /v3.0/webhooks"
        fields={fields}
        initial={newWebhook}
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
