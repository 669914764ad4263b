/** Calls that are over. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button, Select } from '@mantine/core'
import { Outlet } from '@tanstack/react-router'
import type { Answer } from '../../../contract/client.ts'
import { ApiButton } from '../kit/api-button.tsx'
import { type Column, DataTable, FilterChips, SearchField, useListSearch } from '../kit/data-table.tsx'
import { LiveDot } from '../kit/live-dot.tsx'
import { More } from '../kit/more.tsx'
import { Empty, Page } from '../kit/page.tsx'
import { Sign } from '../kit/sign.tsx'
import { duration, When } from '../kit/when.tsx'
import { useList } from '../session.tsx'
import { useCauseWords } from './call-panel.tsx'

type Call = Answer<'GET /v3.0/calls_history'>['data'][number]

const routes = {
  all: 'GET /v3.0/calls_history',
  incoming: 'GET /v3.0/calls_history/incoming',
  outgoing: 'GET /v3.0/calls_history/outgoing',
  internal: 'GET /v3.0/calls_history/internal',
} as const

const isDirection = (text: string | undefined): text is keyof typeof routes => text !== undefined && text in routes

export function HistoryPage() {
  const { t } = useLingui()
  const { search, set, sort } = useListSearch()
  const causes = useCauseWords()
  const direction = isDirection(search.direction) ? search.direction : 'all'
  const route = routes[direction]
  const query = {
    ...(search.q && { number: search.q }),
    ...(search.missed === 'true' && { missed: 'true' as const }),
    sort: search.sort === 'timestamp' ? ('timestamp' as const) : ('-timestamp' as const),
  }
  const calls = useList(route, query, (client, { page, signal }) =>
    client.call(route, { query: { ...query, ...page }, signal }),
  )
  const columns: readonly Column<Call>[] = [
    {
      id: 'from',
      title: t`From`,
      cell: ({ caller_id_name, caller_id_number, call_direction }) => (
        <span className="with-sign">
          <Sign
            size={16}
            name={call_direction === 'incoming' ? 'incoming' : call_direction === 'outgoing' ? 'outgoing' : 'handset'}
          />
          {caller_id_name ?? caller_id_number}
        </span>
      ),
    },
    { id: 'to', title: t`To`, cell: ({ callee_id_name, called_number }) => callee_id_name ?? called_number },
    {
      id: 'outcome',
      title: t`Outcome`,
      isForWide: true,
      cell: ({ hangup_cause }) => (
        <span className={`state ${hangup_cause === 'ANSWERED' ? 'is-good' : ''}`}>
          <i aria-hidden="true" />
          {causes[hangup_cause]}
        </span>
      ),
    },
    {
      id: 'talked',
      title: t`Talked`,
      isAtEnd: true,
      isForWide: true,
      cell: ({ billing_seconds }) => duration(billing_seconds ?? 0),
    },
    {
      id: 'began',
      title: t`Began`,
      sort: 'timestamp',
      isAtEnd: true,
      cell: ({ started_at }) => <When at={started_at} />,
    },
  ]
  return (
    <div className="split">
      <Page title={t`History`} beside={<LiveDot />} actions={<ApiButton calls={[{ route, query }]} />}>
        <div className="list-bar">
          <SearchField label={t`Search a number`} value={search.q} onChange={(q) => set({ q })} />
          <Select
            aria-label={t`Direction`}
            data={[
              { value: 'all', label: t`All directions` },
              { value: 'incoming', label: t`From outside` },
              { value: 'outgoing', label: t`To outside` },
              { value: 'internal', label: t`Internal` },
            ]}
            value={direction}
            onChange={(value) => set({ direction: value === 'all' || value === null ? undefined : value })}
            w={160}
          />
          <Button
            variant="default"
            aria-pressed={search.missed === 'true'}
            onClick={() => set({ missed: search.missed === 'true' ? undefined : 'true' })}
          >
            <Trans>Missed</Trans>
          </Button>
        </div>
        <FilterChips
          chips={[
            ...(search.q ? [{ key: 'q', words: t`Number: ${search.q}`, onRemove: () => set({ q: undefined }) }] : []),
            ...(search.missed === 'true'
              ? [{ key: 'missed', words: t`Nobody answered`, onRemove: () => set({ missed: undefined }) }]
              : []),
          ]}
        />
        <DataTable
          name="history"
          label={t`Calls`}
          columns={columns}
          rows={calls.rows}
          idOf={({ id }) => id}
          panel={({ id }) => ({ to: '/history/$id', params: { id } })}
          error={calls.error}
          onRetry={calls.retry}
          sort={{ ...sort, by: search.sort ?? '-timestamp' }}
          foot={<More list={calls} />}
          empty={
            <Empty guide="/docs">
              <Trans>No call fits. A call is here when it has ended.</Trans>
            </Empty>
          }
        />
      </Page>
      <Outlet />
    </div>
  )
}
