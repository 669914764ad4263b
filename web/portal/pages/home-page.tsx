/** What goes on: each call is a line that moves from ringing to talking to ended, each meeting one with who is in it. */
import { Plural, Trans, useLingui } from '@lingui/react/macro'
import { ActionIcon, Button, Skeleton, Tooltip } from '@mantine/core'
import { Link, Outlet } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Answer } from '../../../contract/client.ts'
import { DialButton, useMayCall } from '../calls/call-button.tsx'
import { CallTime } from '../calls/call-time.tsx'
import { CallMarks } from '../calls/call-marks.tsx'
import { directionSigns, statusLooks, useCallWords } from '../calls/call-words.ts'
import { type LiveCall, useLiveCalls } from '../calls/live-calls.ts'
import { ApiButton } from '../kit/api-button.tsx'
import { LiveDot } from '../kit/live-dot.tsx'
import { Page } from '../kit/page.tsx'
import { Problem } from '../kit/problem.tsx'
import { Sign } from '../kit/sign.tsx'
import { useRead, useSession, useWrite } from '../session.tsx'

type Meeting = Answer<'GET /v3.0/realtime/meetings'>['data'][number]

export function HomePage() {
  const { t } = useLingui()
  return (
    <div className="split">
      <Page
        title={t`Home`}
        beside={<LiveDot />}
        actions={
          <>
            <ApiButton
              calls={[
                { route: 'GET /v3.0/realtime/calls' },
                { route: 'GET /v3.0/realtime/meetings' },
                { route: 'GET /v3.0/realtime/stream', query: { after: 'now', type: 'call.*,meeting.*' } },
              ]}
            />
            <DialButton />
          </>
        }
      >
        <Facts />
        <Calls />
        <Meetings />
      </Page>
      <Outlet />
    </div>
  )
}

/** How much there is, each a way to it. */
function Facts() {
  const { isAdmin } = useSession()
  const status = useRead('GET /v3.0/devices/status', {}, { enabled: isAdmin })
  const devices = Object.values(status.data?.data ?? {})
  const registered = devices.filter((one) => one.registered).length
  if (!isAdmin || !status.data) return null
  return (
    <Link to="/phones" className="fact-line">
      <Sign name="phone" />
      <span>
        <Plural value={devices.length} one="# phone" other="# phones" />
        <span className="soft">
          {' · '}
          <Plural value={registered} one="# registered" other="# registered" />
        </span>
      </span>
    </Link>
  )
}

function Calls() {
  const { calls, error, retry } = useLiveCalls()
  const { isAdmin } = useSession()
  return (
    <Section title={<Trans>Calls</Trans>} count={calls?.filter(({ status }) => status !== 'ended').length}>
      {error && <Problem error={error} onRetry={retry} />}
      {!calls && !error && <Lines />}
      {calls?.length === 0 && (
        <p className="lines-none">
          {isAdmin ? (
            <Trans>Nobody is on the phone. A call appears here the moment it rings.</Trans>
          ) : (
            <Trans>You are in no call. One of yours appears here the moment it rings.</Trans>
          )}
        </p>
      )}
      {calls && calls.length > 0 && (
        <ul className="lines">
          {calls.map((call) => (
            <CallLine key={call.id} call={call} />
          ))}
        </ul>
      )}
    </Section>
  )
}

function CallLine({ call }: { readonly call: LiveCall }) {
  const words = useCallWords()
  const { callee, called_number, caller } = call
  return (
    <li className={`line ${call.status === 'ended' ? 'is-over' : ''}`} data-call={call.id} data-status={call.status}>
      <Sign name={directionSigns[call.direction]} />
      <Link to="/calls/$id" params={{ id: call.id }} search className="line-link">
        <Party number={caller.number} name={caller.name} />
        <span className="arrow" aria-hidden="true">
          →
        </span>
        <Party number={callee?.number ?? called_number} name={callee?.name ?? null} />
        <CallMarks call={call} />
      </Link>
      <span className={`state ${statusLooks[call.status]}`}>
        <i aria-hidden="true" />
        {words(call)}
      </span>
      <span className="line-time numbers">
        <CallTime call={call} />
      </span>
      <HangUp call={call} />
    </li>
  )
}

function Party({ number, name }: { readonly number: string; readonly name: string | null }) {
  return (
    <span className="party">
      {name ?? <bdi>{number}</bdi>}
      {name && name !== number && <bdi className="soft numbers"> {number}</bdi>}
    </span>
  )
}

/** The line tells that it worked: the event that follows ends it. */
function HangUp({ call }: { readonly call: LiveCall }) {
  const { t } = useLingui()
  const mayCall = useMayCall()
  const hangUp = useWrite('POST /v3.0/realtime/calls/{call_id}/hangup', { changes: [] })
  if (call.status === 'ended' || !mayCall) return <span className="line-action" />
  return (
    <span className="line-action">
      <Tooltip label={hangUp.error?.message ?? t`Hang up`}>
        <ActionIcon
          variant="subtle"
          color="red"
          aria-label={t`Hang up the call of ${call.caller.name ?? call.caller.number}`}
          loading={hangUp.isPending}
          onClick={() => hangUp.mutate({ params: { call_id: call.id }, body: { data: {} } })}
        >
          <Sign name="hangup" />
        </ActionIcon>
      </Tooltip>
    </span>
  )
}

function Meetings() {
  const meetings = useRead('GET /v3.0/realtime/meetings', { query: {} })
  return (
    <Section title={<Trans>Meetings</Trans>} count={meetings.data?.data.length}>
      {meetings.error && <Problem error={meetings.error} onRetry={() => void meetings.refetch()} />}
      {!meetings.data && !meetings.error && <Lines />}
      {meetings.data?.data.length === 0 && (
        <p className="lines-none">
          <Trans>No meeting is going on.</Trans>
        </p>
      )}
      {meetings.data && meetings.data.data.length > 0 && (
        <ul className="lines">
          {meetings.data.data.map((one) => (
            <MeetingLine key={one.id} live={one} />
          ))}
        </ul>
      )}
    </Section>
  )
}

function MeetingLine({ live }: { readonly live: Meeting }) {
  const { meeting, participants } = live
  return (
    <li className="line">
      <Sign name="video" />
      <Link to="/meetings/$id" params={{ id: live.id }} className="line-link">
        <span className="party">{meeting.topic}</span>
      </Link>
      <span className="state is-live">
        <i aria-hidden="true" />
        <Plural value={participants.length} one="# person" other="# people" />
      </span>
      <span className="line-time" />
      <Button component="a" href={`/meet/${meeting.meetingId}`} target="_blank" variant="default" size="xs">
        <Trans>Join</Trans>
      </Button>
    </li>
  )
}

interface SectionProps {
  readonly title: ReactNode
  readonly count: number | undefined
  readonly children: ReactNode
}

function Section({ title, count, children }: SectionProps) {
  return (
    <section className="home-section">
      <h2>
        {title} {count !== undefined && <span className="count">{count}</span>}
      </h2>
      {children}
    </section>
  )
}

const Lines = () => (
  <div className="lines" aria-busy="true">
    <div className="line">
      <Skeleton height={12} width="40%" />
    </div>
  </div>
)
