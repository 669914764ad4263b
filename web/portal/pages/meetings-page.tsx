/** Meetings that are planned, going on and over. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button } from '@mantine/core'
import { useParams } from '@tanstack/react-router'
import type { Answer } from '../../../contract/client.ts'
import { ApiButton } from '../kit/api-button.tsx'
import { CopyButton } from '../kit/copy-button.tsx'
import { type Column, sorted, useListSearch } from '../kit/data-table.tsx'
import { ListPage } from '../kit/list-page.tsx'
import { Panel } from '../kit/panel.tsx'
import { Problem } from '../kit/problem.tsx'
import { When } from '../kit/when.tsx'
import { useRead } from '../session.tsx'

type Meeting = Answer<'GET /api/v6/meeting'>['data'][number]

export function MeetingsPage() {
  const { t } = useLingui()
  const { search } = useListSearch()
  const meetings = useRead('GET /api/v6/meeting', { query: {} })
  const wanted = search.q?.toLowerCase() ?? ''
  const found = meetings.data?.data.filter(
    ({ topic, meetingId }) => topic.toLowerCase().includes(wanted) || meetingId.includes(wanted),
  )
  const rows =
    found &&
    sorted(found, search.sort ?? '-start', { topic: ({ topic }) => topic, start: ({ startTime }) => startTime })
  const columns: readonly Column<Meeting>[] = [
    { id: 'topic', title: t`Topic`, cell: ({ topic }) => topic, sort: 'topic' },
    { id: 'state', title: t`State`, cell: (meeting) => <State meeting={meeting} /> },
    {
      id: 'number',
      title: t`Number`,
      isForWide: true,
      cell: ({ meetingId }) => <span className="numbers">{meetingId}</span>,
    },
    { id: 'start', title: t`Begins`, sort: 'start', isAtEnd: true, cell: ({ startTime }) => <When at={startTime} /> },
  ]
  return (
    <ListPage
      title={t`Meetings`}
      calls={[{ route: 'GET /api/v6/meeting' }]}
      searchLabel={t`Search meetings`}
      isNarrowed={wanted !== ''}
      nothingFound={t`No meeting is called so.`}
      nothingYet={t`Programs plan meetings by the API.`}
      name="meetings"
      columns={columns}
      rows={rows}
      idOf={({ id }) => id}
      panel="/meetings/$id"
      error={meetings.error}
      onRetry={() => void meetings.refetch()}
      order="-start"
    />
  )
}

function State({ meeting: { isActive, isClosed, isOpen, endTime } }: { readonly meeting: Meeting }) {
  if (isActive) {
    return (
      <span className="state is-live">
        <i aria-hidden="true" />
        <Trans>going on</Trans>
      </span>
    )
  }
  const isOver = isClosed || Date.parse(endTime) < Date.now()
  return (
    <span className={`state ${!isOver && isOpen ? 'is-waiting' : ''}`}>
      <i aria-hidden="true" />
      {isOver ? <Trans>over</Trans> : isOpen ? <Trans>open</Trans> : <Trans>planned</Trans>}
    </span>
  )
}

export function MeetingPanel() {
  const { id } = useParams({ from: '/inside/meetings/$id' })
  const { t } = useLingui()
  const read = useRead('GET /api/v6/meeting/{id}', { params: { id } })
  const meeting = read.data?.data
  if (!meeting) {
    return (
      <Panel title={t`Meeting`} back="/meetings" rowId={id}>
        {read.error && <Problem error={read.error} onRetry={() => void read.refetch()} />}
      </Panel>
    )
  }
  const link = `${location.origin}/meet/${meeting.meetingId}`
  return (
    <Panel title={meeting.topic} back="/meetings" rowId={id}>
      <State meeting={meeting} />
      <dl className="facts">
        <dt>
          <Trans>Begins</Trans>
        </dt>
        <dd>
          <When at={meeting.startTime} />
        </dd>
        <dt>
          <Trans>Ends</Trans>
        </dt>
        <dd>
          <When at={meeting.endTime} />
        </dd>
        <dt>
          <Trans>Time zone</Trans>
        </dt>
        <dd>{meeting.timezone}</dd>
        <dt>
          <Trans>Number</Trans>
        </dt>
        <dd className="numbers">
          {meeting.meetingId}
          <CopyButton text={meeting.meetingId} label={t`Copy the number`} />
        </dd>
        <dt>
          <Trans>Link</Trans>
        </dt>
        <dd>
          {link}
          <CopyButton text={link} label={t`Copy the link`} />
        </dd>
      </dl>
      <div className="form-actions">
        <Button component="a" href={link} target="_blank">
          <Trans>Join</Trans>
        </Button>
        <span className="grow" />
        <ApiButton calls={[{ route: 'GET /api/v6/meeting/{id}', params: { id } }]} />
      </div>
    </Panel>
  )
}
