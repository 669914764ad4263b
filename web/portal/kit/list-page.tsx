/** A page that is a list: its title, what one can do, search and filters, the table, and beside it the panel of a row. */
import { Button } from '@mantine/core'
import { Link, Outlet } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { ApiButton, type ApiCall } from './api-button.tsx'
import { DataTable, SearchField, type TableProps, useListSearch } from './data-table.tsx'
import { LiveDot } from './live-dot.tsx'
import { Empty, Page } from './page.tsx'
import { Sign } from './sign.tsx'

interface ListPageProps<T> extends Omit<TableProps<T>, 'label' | 'empty' | 'panel' | 'sort'> {
  readonly title: string
  readonly calls: readonly ApiCall[]
  /** Where a new one is made. */
  readonly add?: {
    readonly to: '/people/new' | '/phones/new' | '/developers/webhooks/new' | '/developers/keys/new'
    readonly verb: string
  }
  readonly searchLabel: string
  /** Beside the search. */
  readonly filters?: ReactNode
  /** Whether something narrows the list: then nothing found is not the same as nothing there. */
  readonly isNarrowed: boolean
  readonly nothingFound: string
  /** What would be here. */
  readonly nothingYet: string
  /** Where rows open, such as `/people/$id`. */
  readonly panel: string
  /** What is sorted by until one chooses; absent: it is not sorted. */
  readonly order?: string
}

export function ListPage<T>(props: ListPageProps<T>) {
  const { title, calls, searchLabel, filters, isNarrowed, nothingFound, nothingYet, panel, order, idOf } = props
  const { search, set, sort } = useListSearch()
  const add = props.add && (
    <Button component={Link} to={props.add.to} search leftSection={<Sign name="plus" size={16} />}>
      {props.add.verb}
    </Button>
  )
  return (
    <div className="split">
      <Page
        title={title}
        beside={<LiveDot />}
        actions={
          <>
            <ApiButton calls={calls} />
            {add}
          </>
        }
      >
        <div className="list-bar">
          <SearchField label={searchLabel} value={search.q} onChange={(q) => set({ q })} />
          {filters}
        </div>
        <DataTable
          {...props}
          label={title}
          panel={(row) => ({ to: panel, params: { id: idOf(row) } })}
          {...(order !== undefined && { sort: { ...sort, by: search.sort ?? order } })}
          empty={
            isNarrowed ? (
              <Empty>{nothingFound}</Empty>
            ) : (
              <Empty action={add} guide="/docs">
                {nothingYet}
              </Empty>
            )
          }
        />
      </Page>
      <Outlet />
    </div>
  )
}
