/** Calls that are over. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Select } from '@mantine/core'
import type { Answer } from '../../../contract/client.ts'
import { CallButton } from '../calls/call-button.tsx'
import { directionSigns, otherPartyOf, useCauseWords } from '../calls/call-words.ts'
import { type Column, useListSearch } from '../kit/data-table.tsx'
import { ListPage } from '../kit/list-page.tsx'
import { More } from '../kit/more.tsx'
import { Sign } from '../kit/sign.tsx'
import { Toggle } from '../kit/toggle.tsx'
import { duration, When } from '../kit/when.tsx'
import { useList, useSession } from '../session.tsx'

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
  const { search, set } = useListSearch()
  const causes = useCauseWords()
  const { who } = useSession()
  const direction = isDirection(search.direction) ? search.direction : 'all'
  const route = routes[direction]
  const isMissed = search.missed === 'true'
  const query = {
    ...(search.q && { number: search.q }),
    ...(isMissed && { missed: 'true' as const }),
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
          <Sign size={16} name={directionSigns[call_direction]} />
          <bdi>{caller_id_name ?? caller_id_number}</bdi>
        </span>
      ),
    },
    {
      id: 'to',
      title: t`To`,
      cell: ({ callee_id_name, called_number }) => <bdi>{callee_id_name ?? called_number}</bdi>,
    },
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
      cell: ({ billing_seconds }) => (billing_seconds ? duration(billing_seconds) : '—'),
    },
    {
      id: 'began',
      title: t`Began`,
      sort: 'timestamp',
      isAtEnd: true,
      cell: ({ started_at }) => <When at={started_at} />,
    },
    {
      id: 'call',
      title: t`Call`,
      isAtEnd: true,
      isForWide: true,
      cell: (call) => <CallButton isSmall callee={otherPartyOf(call, who.user_id)} />,
    },
  ]
  return (
    <ListPage
      title={t`History`}
      calls={[{ route, query }]}
      searchLabel={t`Search a number`}
      filters={
        <>
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
            w={180}
          />
          <Toggle isOn={isMissed} onChange={(isOn) => set({ missed: isOn ? 'true' : undefined })}>
            <Trans>Missed</Trans>
          </Toggle>
        </>
      }
      isNarrowed={Boolean(search.q) || isMissed || direction !== 'all'}
      nothingFound={t`No call fits.`}
      nothingYet={t`No call has ended yet. Each is here from then on.`}
      name="history"
      columns={columns}
      rows={calls.rows}
      idOf={({ id }) => id}
      panel="/history/$id"
      error={calls.error}
      onRetry={calls.retry}
      order="-timestamp"
      foot={<More list={calls} />}
    />
  )
}
