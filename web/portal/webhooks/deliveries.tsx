/** What was sent to a webhook and how that went; one of them with its request, its answer and every attempt. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button, Select, Skeleton } from '@mantine/core'
import { keepPreviousData } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import type { Answer } from '../../../contract/client.ts'
import { ChooseBox, ChosenBar, useChosen } from '../kit/choice.tsx'
import { JsonView } from '../kit/json-view.tsx'
import { More } from '../kit/more.tsx'
import { Problem } from '../kit/problem.tsx'
import { Sign } from '../kit/sign.tsx'
import { forEach, useTell } from '../kit/tell.ts'
import { Clock, When } from '../kit/when.tsx'
import { useList, useRead, useWrite } from '../session.tsx'
import { joined } from './first-page.ts'

type Delivery = Answer<'GET /v3.0/webhooks/{id}/deliveries'>['data'][number]
type Detail = Answer<'GET /v3.0/webhooks/{id}/deliveries/{delivery_id}'>['data']

const statuses = ['pending', 'delivered', 'failed', 'cancelled'] as const
type Status = (typeof statuses)[number]

/** Deliveries are no events, so they are asked for while one looks. */
const refetchInterval = 2_000

const route = 'GET /v3.0/webhooks/{id}/deliveries'
const step = 50

export function Deliveries({ webhookId }: { readonly webhookId: string }) {
  const { t } = useLingui()
  const [status, setStatus] = useState<Status | null>(null)
  const words = useStatusWords()
  const list = useDeliveries(webhookId, status)
  const { rows } = list
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
      {list.error && <Problem error={list.error} onRetry={list.retry} />}
      {!rows && !list.error && <Skeleton height={34} aria-busy="true" />}
      {rows?.length === 0 && (
        <p className="soft">
          {status ? (
            <Trans>No delivery is in this state.</Trans>
          ) : (
            <Trans>Nothing was sent yet. A test shows whether it arrives.</Trans>
          )}
        </p>
      )}
      {rows && rows.length > 0 && <Story webhookId={webhookId} rows={rows} />}
      <More list={list} />
    </div>
  )
}

/** The first page as it is, the others as they were when they were asked for. */
function useDeliveries(webhookId: string, status: Status | null) {
  const params = { id: webhookId }
  const filter = status ? { status } : {}
  const first = useRead(
    route,
    { params, query: { limit: step, ...filter } },
    { refetchInterval, placeholderData: keepPreviousData },
  )
  const pages = useList(route, { webhookId, ...filter }, (client, { page, signal }) =>
    client.call(route, { params, query: { ...page, ...filter }, signal }),
  )
  const read = (pages.rows ?? []).filter((one) => status === null || one.status === status)
  const { rows, hasGap } = first.data
    ? joined({ rows: first.data.data, isAll: first.data.next === undefined }, read)
    : { rows: undefined, hasGap: false }
  const isTornNow = hasGap && !pages.isReading && !pages.error
  useEffect(() => {
    if (isTornNow) pages.retry()
  }, [isTornNow, pages.retry])
  const retry = () => {
    void first.refetch()
    pages.retry()
  }
  return { rows, error: first.error ?? pages.error, retry, more: pages.more, isLoadingMore: pages.isLoadingMore }
}

function Story({ webhookId, rows }: { readonly webhookId: string; readonly rows: readonly Delivery[] }) {
  const { t } = useLingui()
  const [open, setOpen] = useState<string | null>(null)
  const { chosen, set, rows: chosenRows } = useChosen(rows, ({ id }) => id)
  const words = useStatusWords()
  const choice = { chosen, set, actions: <ResendAll webhookId={webhookId} deliveries={chosenRows} /> }
  return (
    <>
      <ChosenBar choice={choice} />
      <ol className="story">
        {rows.map((delivery) => (
          <li key={delivery.id}>
            <div className="story-line">
              <ChooseBox
                choice={choice}
                id={delivery.id}
                name={`${delivery.event.type}, ${words[delivery.status]}, ${new Date(delivery.created).toLocaleTimeString()}`}
              />
              <button
                type="button"
                aria-expanded={open === delivery.id}
                onClick={() => setOpen(open === delivery.id ? null : delivery.id)}
              >
                <span className="story-what">
                  <code>{delivery.event.type}</code>
                  {delivery.kind !== 'event' && <KindTag kind={delivery.kind} />}
                </span>
                <span className={`state ${looks[delivery.status]}`}>
                  <i aria-hidden="true" />
                  {words[delivery.status]}
                  {delivery.last_status !== null && <span className="numbers">{delivery.last_status}</span>}
                </span>
                <When at={delivery.created} />
              </button>
            </div>
            {open === delivery.id && <DeliveryDetail webhookId={webhookId} delivery={delivery} />}
          </li>
        ))}
      </ol>
      {chosen.size === 0 && rows.some(({ status }) => status === 'failed') && (
        <p className="soft">{t`Choose several to send them again together.`}</p>
      )}
    </>
  )
}

function KindTag({ kind }: { readonly kind: 'replay' | 'test' }) {
  return <span className="tag">{kind === 'test' ? <Trans>test</Trans> : <Trans>again</Trans>}</span>
}

const resendChanges = [
  'GET /v3.0/webhooks/{id}/deliveries',
  'GET /v3.0/webhooks/{id}/deliveries/{delivery_id}',
] as const

interface ResendProps {
  readonly webhookId: string
  readonly deliveries: readonly Delivery[]
}

/** Those that wait already need no second order. */
function ResendAll({ webhookId, deliveries }: ResendProps) {
  const { t } = useLingui()
  const tell = useTell()
  const [isBusy, setBusy] = useState(false)
  const resend = useWrite('POST /v3.0/webhooks/{id}/deliveries/{delivery_id}/resend', { changes: resendChanges })
  const those = deliveries.filter(({ status }) => status !== 'pending')
  const run = async () => {
    setBusy(true)
    const work = forEach(those, ({ id }) => resend.mutateAsync({ params: { id: webhookId, delivery_id: id } }))
    await tell(work, t`They are sent again, with the same ids.`)
    setBusy(false)
  }
  return (
    <Button
      size="xs"
      variant="default"
      disabled={those.length === 0}
      loading={isBusy}
      leftSection={<Sign name="refresh" size={14} />}
      onClick={() => void run()}
    >
      <Trans>Send again</Trans>
    </Button>
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
    changes: resendChanges,
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
