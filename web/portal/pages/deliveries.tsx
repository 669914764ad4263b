/** What was sent to a webhook and how that went; one of them with its request, its answer and every attempt. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button, Select } from '@mantine/core'
import { useState } from 'react'
import type { Answer } from '../../../contract/client.ts'
import { JsonView } from '../kit/json-view.tsx'
import { Problem } from '../kit/problem.tsx'
import { Sign } from '../kit/sign.tsx'
import { Clock, When } from '../kit/when.tsx'
import { useRead, useWrite } from '../session.tsx'

type Delivery = Answer<'GET /v3.0/webhooks/{id}/deliveries'>['data'][number]
type Detail = Answer<'GET /v3.0/webhooks/{id}/deliveries/{delivery_id}'>['data']

const statuses = ['pending', 'delivered', 'failed', 'cancelled'] as const
type Status = (typeof statuses)[number]

/** Deliveries are no events, so they are asked for while one looks. */
const refetchInterval = 2_000

export function Deliveries({ webhookId }: { readonly webhookId: string }) {
  const { t } = useLingui()
  const [status, setStatus] = useState<Status | null>(null)
  const [open, setOpen] = useState<string | null>(null)
  const words = useStatusWords()
  const query = { limit: 50, ...(status && { status }) }
  const list = useRead('GET /v3.0/webhooks/{id}/deliveries', { params: { id: webhookId }, query }, { refetchInterval })
  return (
    <div className="form-group">
      <Select
        aria-label={t`State`}
        placeholder={t`All deliveries`}
        data={statuses.map((value) => ({ value, label: words[value] }))}
        value={status}
        onChange={(value) => setStatus(statuses.find((one) => one === value) ?? null)}
        clearable
        w={200}
        clearButtonProps={{ 'aria-label': t`All deliveries` }}
      />
      {list.error && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {list.data?.data.length === 0 && (
        <p className="soft">
          <Trans>Nothing was sent yet. A test shows whether it arrives.</Trans>
        </p>
      )}
      <ol className="story">
        {list.data?.data.map((delivery) => (
          <li key={delivery.id}>
            <button
              type="button"
              aria-expanded={open === delivery.id}
              onClick={() => setOpen(open === delivery.id ? null : delivery.id)}
            >
              <span className={`state ${looks[delivery.status]}`} title={words[delivery.status]}>
                <i aria-hidden="true" />
                <span className="unseen">{words[delivery.status]}</span>
              </span>
              <code>{delivery.event.type}</code>
              {delivery.kind !== 'event' && <span className="tag">{delivery.kind}</span>}
              <span className="numbers soft">{delivery.last_status ?? ''}</span>
              <When at={delivery.created} />
            </button>
            {open === delivery.id && <DeliveryDetail webhookId={webhookId} delivery={delivery} />}
          </li>
        ))}
      </ol>
    </div>
  )
}

const looks: Readonly<Record<Status, string>> = {
  pending: 'is-waiting',
  delivered: 'is-good',
  failed: 'is-bad',
  cancelled: '',
}

function useStatusWords(): Readonly<Record<Status, string>> {
  const { t } = useLingui()
  return { pending: t`waiting`, delivered: t`delivered`, failed: t`failed`, cancelled: t`cancelled` }
}

interface DetailProps {
  readonly webhookId: string
  readonly delivery: Delivery
}

function DeliveryDetail({ webhookId, delivery }: DetailProps) {
  const words = useStatusWords()
  const params = { id: webhookId, delivery_id: delivery.id }
  const read = useRead('GET /v3.0/webhooks/{id}/deliveries/{delivery_id}', { params }, { refetchInterval })
  const resend = useWrite('POST /v3.0/webhooks/{id}/deliveries/{delivery_id}/resend', {
    changes: ['GET /v3.0/webhooks/{id}/deliveries', 'GET /v3.0/webhooks/{id}/deliveries/{delivery_id}'],
  })
  if (read.error) return <Problem error={read.error} onRetry={() => void read.refetch()} />
  const detail = read.data?.data
  if (!detail) return null
  return (
    <div className="box delivery">
      <div className="form-actions">
        <span className={`state ${looks[detail.status]}`}>
          <i aria-hidden="true" />
          {words[detail.status]}
        </span>
        {detail.next_attempt_at && (
          <span className="soft">
            <Trans>
              next attempt <When at={detail.next_attempt_at} />
            </Trans>
          </span>
        )}
        <span className="grow" />
        <Button
          size="xs"
          variant="default"
          loading={resend.isPending}
          leftSection={<Sign name="refresh" size={14} />}
          onClick={() => resend.mutate({ params })}
        >
          <Trans>Send again</Trans>
        </Button>
      </div>
      {resend.error && <Problem error={resend.error} />}
      <Attempts detail={detail} />
      <Exchange detail={detail} />
    </div>
  )
}

function Attempts({ detail }: { readonly detail: Detail }) {
  return (
    <ol className="attempts">
      {detail.attempts.map(({ at, status, error, duration_ms }) => (
        <li key={at}>
          <Clock at={at} />
          <span className={`numbers state ${error === null ? 'is-good' : 'is-bad'}`}>{status ?? '—'}</span>
          <span className="soft">{error ?? `${duration_ms} ms`}</span>
        </li>
      ))}
    </ol>
  )
}

function Exchange({ detail: { request, response } }: { readonly detail: Detail }) {
  const { t } = useLingui()
  return (
    <>
      <section>
        <h3>
          <Trans>Request</Trans>
        </h3>
        <JsonView value={`${request.method} ${request.url}\n${headerLines(request.headers)}`} label={t`Request`} />
        {request.body !== null && <JsonView value={pretty(request.body)} label={t`Body of the request`} />}
      </section>
      {response && (
        <section>
          <h3>
            <Trans>Response</Trans>
          </h3>
          <JsonView value={headerLines(response.headers)} label={t`Response`} />
          {response.body && <JsonView value={pretty(response.body)} label={t`Body of the response`} />}
        </section>
      )}
    </>
  )
}

const headerLines = (headers: Readonly<Record<string, string>>) =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')

/** Indented where it is JSON, else as it is. */
function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text // a page of the receiver, or nothing in particular
  }
}
