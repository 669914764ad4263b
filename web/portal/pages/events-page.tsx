/** The event log: what happened and what happens, narrowed by type, object and command; one event as it is. */
import { Trans, useLingui } from '@lingui/react/macro'
import contract from 'virtual:contract'
import { Button, Select } from '@mantine/core'
import { Outlet } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import type { Event } from '../../../contract/event.ts'
import type { EventPattern } from '../../../contract/client.ts'
import { type EventFeed, type EventQuery, useEventFeed } from '../event-feed.ts'
import { ApiButton } from '../kit/api-button.tsx'
import { type Column, DataTable, FilterChips, useListSearch } from '../kit/data-table.tsx'
import { StreamDot } from '../kit/live-dot.tsx'
import { Empty, Page } from '../kit/page.tsx'
import { Sign } from '../kit/sign.tsx'
import { Clock } from '../kit/when.tsx'
import { useChildren } from '../organisation-switcher.tsx'
import { ExportMenu } from './events-export.tsx'

/** What is drawn; the rest comes by a button. */
const step = 200
const minuteMs = 60_000
const ranges = { '15m': 15 * minuteMs, '1h': 60 * minuteMs, '24h': 1_440 * minuteMs, '7d': 10_080 * minuteMs } as const

export function EventsPage() {
  const { t } = useLingui()
  const { search, set } = useListSearch()
  const [isHalted, setHalted] = useState(false)
  const [shown, setShown] = useState(step)
  const query = useQueryOf(search)
  const feed = useEventFeed(query, isHalted)
  const columns: readonly Column<Event>[] = [
    { id: 'type', title: t`Type`, cell: ({ type }) => <code className={`event-type ${familyOf(type)}`}>{type}</code> },
    { id: 'at', title: t`Time`, cell: ({ occurred_at }) => <Clock at={occurred_at} /> },
    {
      id: 'resource',
      title: t`Object`,
      isForWide: true,
      cell: ({ resource }) => (
        <button
          type="button"
          className="plain-link"
          title={t`Follow this object`}
          onClick={() => set({ resource: `${resource.type}:${resource.id}`, range: 'all' })}
        >
          <code>{`${resource.type}:${short(resource.id)}`}</code>
        </button>
      ),
    },
    { id: 'actor', title: t`By`, isForWide: true, cell: ({ actor }) => actor?.type ?? '—' },
    { id: 'seq', title: t`Number`, isAtEnd: true, isForWide: true, cell: ({ seq }) => seq },
  ]
  return (
    <div className="split">
      <Page
        title={t`Events`}
        beside={<FeedState feed={feed} isHalted={isHalted} />}
        actions={
          <>
            <ExportMenu filter={asApi(query)} />
            <ApiButton
              calls={[
                { route: 'GET /v3.0/events', query: asApi(query) },
                { route: 'GET /v3.0/realtime/stream', query: { ...asApi(query), since: undefined, after: 'now' } },
              ]}
            />
          </>
        }
      >
        <Filters search={search} set={set} isHalted={isHalted} setHalted={setHalted} />
        <Chips search={search} set={set} />
        {isHalted && feed.waiting > 0 && (
          <Button variant="light" size="xs" onClick={() => setHalted(false)}>
            {t`${feed.waiting} new, show them`}
          </Button>
        )}
        <DataTable
          name="events"
          label={t`Events, newest first`}
          columns={columns}
          rows={feed.isLoading && feed.events.length === 0 ? undefined : feed.events.slice(0, shown)}
          idOf={({ id }) => id}
          panel={({ id }) => ({ to: '/developers/events/$id', params: { id } })}
          error={feed.error}
          onRetry={feed.retry}
          foot={
            feed.events.length > shown ? (
              <Button variant="default" size="xs" onClick={() => setShown(shown + step)}>
                <Trans>Show more</Trans>
              </Button>
            ) : feed.isCut ? (
              <span className="soft">
                <Trans>Only the newest 2,000 are here. Narrow the filter, or export all.</Trans>
              </span>
            ) : null
          }
          empty={
            <Empty guide="/docs">
              <Trans>Nothing happened that fits. What happens from now on appears here by itself.</Trans>
            </Empty>
          }
        />
      </Page>
      <Outlet />
    </div>
  )
}

const familyOf = (type: string) => type.split('.')[0] ?? ''
const short = (id: string) => (id.length > 16 ? `${id.slice(0, 14)}…` : id)

type Search = ReturnType<typeof useListSearch>['search']

function useQueryOf(search: Search): EventQuery {
  const { type, resource, correlation, account, range = '24h' } = search
  return useMemo(
    () => ({
      // The types are chosen from the catalogue; one that an old address names is refused by the server in words.
      ...(type && { type: type as EventPattern }),
      ...(resource && { resource }),
      ...(correlation && { correlation_id: correlation }),
      ...(account === 'tree' && { account: 'tree' as const }),
      ...(range in ranges && { backMs: ranges[range as keyof typeof ranges] }),
    }),
    [type, resource, correlation, account, range],
  )
}

function asApi({ backMs, ...filter }: EventQuery) {
  return { ...filter, since: backMs === undefined ? undefined : new Date(Date.now() - backMs).toISOString() }
}

function FeedState({ feed, isHalted }: { readonly feed: EventFeed; readonly isHalted: boolean }) {
  if (isHalted) {
    return (
      <span className="live">
        <i aria-hidden="true" />
        <Trans>halted</Trans>
      </span>
    )
  }
  return <StreamDot state={feed.state} />
}

interface FiltersProps {
  readonly search: Search
  readonly set: ReturnType<typeof useListSearch>['set']
}

interface TailProps extends FiltersProps {
  readonly isHalted: boolean
  readonly setHalted: (isHalted: boolean) => void
}

function Filters({ search, set, isHalted, setHalted }: TailProps) {
  const { t } = useLingui()
  const children = useChildren()
  const families = [...new Set(contract.events.map(({ type }) => `${familyOf(type)}.*`))]
  const types = [
    { group: t`Families`, items: families },
    { group: t`Types`, items: contract.events.map(({ type }) => type) },
  ]
  return (
    <div className="list-bar">
      <Select
        aria-label={t`Type`}
        placeholder={t`All types`}
        data={types}
        value={search.type ?? null}
        onChange={(type) => set({ type: type ?? undefined })}
        searchable
        clearable
        w={240}
        clearButtonProps={{ 'aria-label': t`All types` }}
      />
      <Select
        aria-label={t`How far back`}
        data={[
          { value: '15m', label: t`15 minutes` },
          { value: '1h', label: t`1 hour` },
          { value: '24h', label: t`24 hours` },
          { value: '7d', label: t`7 days` },
          { value: 'all', label: t`All that is kept` },
        ]}
        value={search.range ?? '24h'}
        onChange={(range) => set({ range: range ?? undefined })}
        w={160}
      />
      {children.length > 0 && (
        <Button
          variant="default"
          aria-pressed={search.account === 'tree'}
          onClick={() => set({ account: search.account === 'tree' ? undefined : 'tree' })}
        >
          <Trans>With organisations below</Trans>
        </Button>
      )}
      <Button
        variant="default"
        onClick={() => setHalted(!isHalted)}
        leftSection={<Sign name={isHalted ? 'play' : 'pause'} size={16} />}
      >
        {isHalted ? <Trans>Go on</Trans> : <Trans>Halt</Trans>}
      </Button>
    </div>
  )
}

function Chips({ search, set }: FiltersProps) {
  const { t } = useLingui()
  const { type, resource, correlation } = search
  const chips = [
    ...(type ? [{ key: 'type', words: t`Type: ${type}`, onRemove: () => set({ type: undefined }) }] : []),
    ...(resource
      ? [
          {
            key: 'resource',
            words: t`Object: ${resource}`,
            onRemove: () => set({ resource: undefined, range: undefined }),
          },
        ]
      : []),
    ...(correlation
      ? [{ key: 'correlation', words: t`Command: ${correlation}`, onRemove: () => set({ correlation: undefined }) }]
      : []),
  ]
  return (
    <FilterChips
      chips={chips}
      onClear={() => set({ type: undefined, resource: undefined, correlation: undefined, range: undefined })}
    />
  )
}
