/** One call: its facts, its events from first to last, and the SIP messages of each side as a ladder. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button, Tabs } from '@mantine/core'
import { Link, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { ApiFailure, type Answer } from '../../../contract/client.ts'
import { useEventFeed } from '../event-feed.ts'
import { CallActions } from '../calls/call-actions.tsx'
import { CallButton } from '../calls/call-button.tsx'
import { CallMarks } from '../calls/call-marks.tsx'
import { CallSides } from '../calls/call-sides.tsx'
import { CallTime } from '../calls/call-time.tsx'
import { otherPartyOf, statusLooks, useCallWords, useCauseWords } from '../calls/call-words.ts'
import { type LiveCall, useLiveCall } from '../calls/live-calls.ts'
import { ApiButton, type ApiCall } from '../kit/api-button.tsx'
import { CopyButton } from '../kit/copy-button.tsx'
import { JsonView } from '../kit/json-view.tsx'
import { Panel } from '../kit/panel.tsx'
import { Problem } from '../kit/problem.tsx'
import { Clock, duration, When } from '../kit/when.tsx'
import { useRead, useSession } from '../session.tsx'

type Detail = Answer<'GET /v3.0/calls_history/{id}'>['data']
type Message = Answer<'GET /v3.0/calls_history/{id}/trace'>['data'][number]

export const LiveCallPanel = () => <CallPanel from="/inside/home/calls/$id" back="/" />
export const PastCallPanel = () => <CallPanel from="/inside/history/$id" back="/history" />

interface CallPanelProps {
  readonly from: '/inside/home/calls/$id' | '/inside/history/$id'
  readonly back: '/' | '/history'
}

function CallPanel({ from, back }: CallPanelProps) {
  const { id } = useParams({ from })
  const { t } = useLingui()
  const { isAdmin, who } = useSession()
  const record = useRead('GET /v3.0/calls_history/{id}', { params: { id } })
  const { call, isRead } = useLiveCall(id)
  const past = record.data?.data
  const title = past ? `${fromOf(past)} → ${toOf(past)}` : call ? partiesOf(call) : t`Call`
  return (
    <Panel
      title={<bdi>{title}</bdi>}
      back={back}
      rowId={id}
      actions={past && <CallButton callee={otherPartyOf(past, who.user_id)} />}
    >
      {past ? (
        <Facts call={past} />
      ) : call ? (
        <Going call={call} />
      ) : (
        <Missing error={record.error} isRead={isRead} onRetry={() => void record.refetch()} />
      )}
      <Tabs key={id} defaultValue="events" keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="events">
            <Trans>Events</Trans>
          </Tabs.Tab>
          {isAdmin && (
            <Tabs.Tab value="ladder">
              <Trans>Ladder</Trans>
            </Tabs.Tab>
          )}
        </Tabs.List>
        <Tabs.Panel value="events" pt="md">
          <Story id={id} />
        </Tabs.Panel>
        {isAdmin && (
          <Tabs.Panel value="ladder" pt="md">
            <Ladder id={id} />
          </Tabs.Panel>
        )}
      </Tabs>
      <div className="form-actions">
        <Button
          component={Link}
          to="/developers/events"
          search={{ resource: `call:${id}`, range: 'all' } as never}
          variant="default"
        >
          <Trans>Open in the explorer</Trans>
        </Button>
        <span className="grow" />
        <ApiButton calls={apiCalls(id, isAdmin)} />
      </div>
      <div className="id-line">
        <code>{id}</code>
        <CopyButton text={id} label={t`Copy the id`} />
      </div>
    </Panel>
  )
}

const fromOf = ({ caller_id_name, caller_id_number }: Detail) => caller_id_name ?? caller_id_number
const toOf = ({ callee_id_name, called_number }: Detail) => callee_id_name ?? called_number
const partiesOf = ({ caller, callee, called_number }: LiveCall) =>
  `${caller.name ?? caller.number} → ${callee?.name ?? callee?.number ?? called_number}`

/** Messages of SIP are for administrators. */
const apiCalls = (id: string, isAdmin: boolean): readonly ApiCall[] => [
  { route: 'GET /v3.0/calls_history/{id}', params: { id } },
  ...(isAdmin ? [{ route: 'GET /v3.0/calls_history/{id}/trace' as const, params: { id } }] : []),
  { route: 'GET /v3.0/events', query: { resource: `call:${id}` } },
]

/** A call that goes on, with what can be done about it. */
function Going({ call }: { readonly call: LiveCall }) {
  const words = useCallWords()
  return (
    <section className="call-going">
      <div className="row">
        <span className={`state ${statusLooks[call.status]}`}>
          <i aria-hidden="true" />
          {words(call)}
        </span>
        <CallTime call={call} />
        <CallMarks call={call} />
      </div>
      <CallActions call={call} />
      <CallSides call={call} />
    </section>
  )
}

interface MissingProps {
  readonly error: Error | null
  /** Whether it is known that it is not going on. */
  readonly isRead: boolean
  readonly onRetry: () => void
}

function Missing({ error, isRead, onRetry }: MissingProps) {
  if (!error) return null
  if (!(error instanceof ApiFailure && error.status === 404)) return <Problem error={error} onRetry={onRetry} />
  if (!isRead) return null
  return (
    <p className="soft">
      <Trans>This call is not among those that go on, and has no record.</Trans>
    </p>
  )
}

function Facts({ call }: { readonly call: Detail }) {
  const words = useCauseWords()
  return (
    <dl className="facts">
      <dt>
        <Trans>From</Trans>
      </dt>
      <dd>
        <bdi>{call.caller_id_name ? `${call.caller_id_name} · ${call.caller_id_number}` : call.caller_id_number}</bdi>
      </dd>
      <dt>
        <Trans>To</Trans>
      </dt>
      <dd>
        <bdi>{call.callee_id_name ? `${call.callee_id_name} · ${call.called_number}` : call.called_number}</bdi>
      </dd>
      <dt>
        <Trans>Began</Trans>
      </dt>
      <dd>
        <When at={call.started_at} />
      </dd>
      <dt>
        <Trans>Talked</Trans>
      </dt>
      <dd className="numbers">{duration(call.billing_seconds ?? 0)}</dd>
      <dt>
        <Trans>Outcome</Trans>
      </dt>
      <dd>{words[call.hangup_cause]}</dd>
    </dl>
  )
}

/** From first to last, and on while it goes on. */
function Story({ id }: { readonly id: string }) {
  const feed = useEventFeed({ resource: `call:${id}` }, false)
  const { t } = useLingui()
  const [open, setOpen] = useState<string | null>(null)
  if (feed.error) return <Problem error={feed.error} onRetry={feed.retry} />
  return (
    <ol className="story">
      {feed.events.toReversed().map((event) => (
        <li key={event.id}>
          <button
            type="button"
            aria-expanded={open === event.id}
            onClick={() => setOpen(open === event.id ? null : event.id)}
          >
            <code>{event.type}</code>
            <Clock at={event.occurred_at} />
          </button>
          {open === event.id && <JsonView value={event} label={t`The event as JSON`} />}
        </li>
      ))}
    </ol>
  )
}

/** Who sent what to whom: each peer is a line, Carillon between them. */
function Ladder({ id }: { readonly id: string }) {
  const trace = useRead('GET /v3.0/calls_history/{id}/trace', { params: { id } })
  const [open, setOpen] = useState<number | null>(null)
  const { t } = useLingui()
  if (trace.error instanceof ApiFailure && trace.error.status === 404) {
    return (
      <p className="soft">
        <Trans>The messages are here when the call has ended.</Trans>
      </p>
    )
  }
  if (trace.error) return <Problem error={trace.error} onRetry={() => void trace.refetch()} />
  return (
    <ol className="ladder">
      {trace.data?.data.map((message, index) => (
        // A trace that is over does not change, so its places are names.
        <li key={index} className={message.direction === 'in' ? 'is-in' : 'is-out'}>
          <button type="button" aria-expanded={open === index} onClick={() => setOpen(open === index ? null : index)}>
            <Clock at={message.at} />
            <bdi className="ladder-peer">{message.peer}</bdi>
            <span className="ladder-arrow" aria-hidden="true" />
            <span className="unseen">{message.direction === 'in' ? t`to Carillon` : t`from Carillon`}</span>
            <code>{titleOf(message)}</code>
          </button>
          {open === index && <JsonView value={message.message} label={t`The message`} />}
        </li>
      ))}
    </ol>
  )
}

/** `INVITE`, or `180 Ringing`. */
function titleOf({ message }: Message): string {
  const [first = ''] = message.split(/\r?\n/)
  return first.startsWith('SIP/2.0 ') ? first.slice(8) : (first.split(' ')[0] ?? first)
}
