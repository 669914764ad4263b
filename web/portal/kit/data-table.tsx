/**
 * A list: rows that are links to their panel, sorted by a click on a heading, walked through with j, k and Enter. What is
 * searched for, sorted by and filtered stands in the address. Columns that one does not want stay away.
 */
import { Trans, useLingui } from '@lingui/react/macro'
import { ActionIcon, Button, Menu, Skeleton, Tooltip } from '@mantine/core'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { type KeyboardEvent, type MouseEvent, type ReactNode, useEffect, useRef, useState } from 'react'
import { ChooseAll, ChooseBox, ChosenBar, type Choice } from './choice.tsx'
import { Problem } from './problem.tsx'
import { Sign } from './sign.tsx'

export interface Column<T> {
  readonly id: string
  readonly title: string
  readonly cell: (row: T) => ReactNode
  /** By which it is sorted, here or by the server. */
  readonly sort?: string
  /** Numbers and times stand under each other at the end. */
  readonly isAtEnd?: boolean
  /** Left out where there is no room. */
  readonly isForWide?: boolean
}

export interface TableProps<T> {
  /** Remembered by it: which columns are shown. */
  readonly name: string
  readonly label: string
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[] | undefined
  readonly idOf: (row: T) => string
  /** The address of a row's panel; the first cell is its link. */
  readonly panel?: (row: T) => PanelAddress
  readonly error: Error | null
  readonly onRetry: () => void
  readonly empty: ReactNode
  /** Shown beside the columns' menu. */
  readonly foot?: ReactNode
  readonly sort?: { readonly by: string | undefined; readonly set: (by: string) => void }
  /** Several rows are chosen, to do one thing with all of them. */
  readonly choice?: Choice<T>
}

interface PanelAddress {
  readonly to: string
  readonly params: Readonly<Record<string, string>>
}

const skeletonRows = [0, 1, 2, 3, 4, 5]

export function DataTable<T>(props: TableProps<T>) {
  const { columns, rows, error } = props
  const table = useRef<HTMLTableElement>(null)
  const [hidden, setHidden] = useHidden(props.name)
  useRowKeys(table)
  const shown = columns.filter(({ id }, index) => index === 0 || !hidden.has(id))
  if (error && !rows) return <Problem error={error} onRetry={props.onRetry} />
  if (rows?.length === 0) return <>{props.empty}</>
  return (
    <div className="list">
      {error && <Problem error={error} onRetry={props.onRetry} />}
      {props.choice && <ChosenBar choice={props.choice} />}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard */}
      <section className="list-scroll" aria-label={props.label} tabIndex={0}>
        <table ref={table} className="list-table" aria-busy={rows === undefined}>
          <thead>
            <tr>
              {props.choice && (
                <th scope="col" className="chosen">
                  <ChooseAll choice={props.choice} ids={rows?.map(props.idOf) ?? []} />
                </th>
              )}
              {shown.map((column) => (
                <Heading key={column.id} column={column} sort={props.sort} />
              ))}
            </tr>
          </thead>
          <tbody>
            {rows
              ? rows.map((row) => <Row key={props.idOf(row)} row={row} columns={shown} props={props} />)
              : skeletonRows.map((index) => (
                  <tr key={index}>
                    {props.choice && <td className="chosen" />}
                    {shown.map(({ id, isForWide }) => (
                      <td key={id} className={isForWide ? 'for-wide' : ''}>
                        <Skeleton height={12} my={5} width={`${48 + ((index * 17 + id.length * 11) % 40)}%`} />
                      </td>
                    ))}
                  </tr>
                ))}
          </tbody>
        </table>
      </section>
      <div className="list-foot">
        {props.foot}
        <ColumnsMenu columns={columns} hidden={hidden} onChange={setHidden} />
      </div>
    </div>
  )
}

function Heading<T>({ column, sort }: { readonly column: Column<T>; readonly sort: TableProps<T>['sort'] }) {
  const by = column.sort
  const isSorted = by !== undefined && (sort?.by === by || sort?.by === `-${by}`)
  const isDown = sort?.by === `-${by}`
  const className = classOf(column)
  if (by === undefined || !sort) {
    return (
      <th scope="col" className={className}>
        {column.title}
      </th>
    )
  }
  return (
    <th scope="col" className={className} aria-sort={isSorted ? (isDown ? 'descending' : 'ascending') : 'none'}>
      <button type="button" onClick={() => sort.set(isSorted && !isDown ? `-${by}` : by)}>
        {column.title}
        {isSorted && <Sign name={isDown ? 'down' : 'up'} size={14} />}
      </button>
    </th>
  )
}

interface RowProps<T> {
  readonly row: T
  readonly columns: readonly Column<T>[]
  readonly props: TableProps<T>
}

function Row<T>({ row, columns, props }: RowProps<T>) {
  const address = props.panel?.(row)
  /** The whole row is as good as its link, but for what is pressed in it. */
  const onClick = (event: MouseEvent<HTMLTableRowElement>) => {
    // A dialog that a row opened is elsewhere in the page, and its clicks are none of the row's.
    if (!event.currentTarget.contains(event.target as Node)) return
    if ((event.target as HTMLElement).closest('a, button, input, label, .chosen')) return
    if (window.getSelection()?.toString()) return
    event.currentTarget.querySelector<HTMLElement>('a[data-row]')?.click()
  }
  return (
    // Its link has the keys.
    <tr onClick={address ? onClick : undefined} className={address ? 'is-link' : ''}>
      {props.choice && (
        <td className="chosen">
          <ChooseBox choice={props.choice} id={props.idOf(row)} name={props.choice.nameOf(row)} />
        </td>
      )}
      {columns.map((column, index) => (
        <td key={column.id} className={classOf(column)}>
          {index === 0 && address ? (
            <Link
              to={address.to as '/'}
              params={address.params as never}
              search={(search) => search}
              data-row={props.idOf(row)}
              activeProps={{ 'aria-current': 'true' }}
              preload={false}
            >
              {column.cell(row)}
            </Link>
          ) : (
            column.cell(row)
          )}
        </td>
      ))}
    </tr>
  )
}

const classOf = <T,>({ isAtEnd, isForWide }: Column<T>) =>
  [isAtEnd ? 'at-end' : '', isForWide ? 'for-wide' : ''].join(' ').trim()

/** j and k go from row to row, x chooses one; Enter is the link's own. Not while something is being written. */
function useRowKeys(table: { readonly current: HTMLTableElement | null }): void {
  useEffect(() => {
    const pressed = (event: globalThis.KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return
      if (event.key === 'x') {
        table.current?.querySelector<HTMLElement>('tr:focus-within .chosen input')?.click()
        return
      }
      const step = { j: 1, k: -1 }[event.key]
      if (step === undefined) return
      const links = [...(table.current?.querySelectorAll<HTMLElement>('a[data-row]') ?? [])]
      const at = links.findIndex((link) => link.matches(':focus'))
      const from = at >= 0 ? at : links.findIndex((link) => link.getAttribute('aria-current') === 'true')
      const to = links[Math.min(Math.max(from + step, 0), links.length - 1)]
      to?.focus()
      if (to) event.preventDefault()
    }
    document.addEventListener('keydown', pressed)
    return () => document.removeEventListener('keydown', pressed)
  }, [table])
}

const isWriting = (target: EventTarget | null) =>
  target instanceof HTMLElement &&
  target.closest('input:not([type=checkbox]), textarea, select, [contenteditable], [role=dialog]') !== null

interface ColumnsProps<T> {
  readonly columns: readonly Column<T>[]
  readonly hidden: ReadonlySet<string>
  readonly onChange: (hidden: ReadonlySet<string>) => void
}

function ColumnsMenu<T>({ columns, hidden, onChange }: ColumnsProps<T>) {
  const { t } = useLingui()
  const toggle = (id: string) => {
    const next = new Set(hidden)
    if (!next.delete(id)) next.add(id)
    onChange(next)
  }
  return (
    <Menu position="bottom-end" closeOnItemClick={false}>
      <Menu.Target>
        <Tooltip label={t`Columns`}>
          <ActionIcon variant="subtle" color="gray" className="quiet-icon for-wide" aria-label={t`Columns`}>
            <Sign name="columns" size={16} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        {columns.slice(1).map(({ id, title }) => (
          <Menu.Item
            key={id}
            role="menuitemcheckbox"
            aria-checked={!hidden.has(id)}
            onClick={() => toggle(id)}
            rightSection={hidden.has(id) ? null : <Sign name="check" size={14} />}
          >
            {title}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}

function useHidden(name: string) {
  const key = `carillon.columns.${name}`
  const [hidden, set] = useState<ReadonlySet<string>>(
    () => new Set((localStorage.getItem(key) ?? '').split(',').filter(Boolean)),
  )
  const keep = (next: ReadonlySet<string>) => {
    localStorage.setItem(key, [...next].join())
    set(next)
  }
  return [hidden, keep] as const
}

/** Search, filters and order of a list, in the address. */
export function useListSearch() {
  const search = useSearch({ strict: false })
  const navigate = useNavigate()
  const set = (changes: Readonly<Record<string, string | undefined>>) =>
    void navigate({ to: '.', search: (before) => ({ ...before, ...changes }), replace: true })
  return { search, set, sort: { by: search.sort, set: (by: string) => set({ sort: by }) } }
}

interface SearchProps {
  readonly label: string
  readonly value: string | undefined
  readonly onChange: (text: string | undefined) => void
}

const settleMs = 200

/** The address follows when one stops writing. */
export function SearchField({ label, value, onChange }: SearchProps) {
  const [text, setText] = useState(value ?? '')
  const latest = useRef(onChange)
  latest.current = onChange
  useEffect(() => {
    if (text === (value ?? '')) return
    const timer = setTimeout(() => latest.current(text || undefined), settleMs)
    return () => clearTimeout(timer)
  }, [text, value])
  return (
    <div className="search-field">
      <Sign name="search" size={16} />
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        value={text}
        onChange={({ currentTarget }) => setText(currentTarget.value)}
        onKeyDown={(event: KeyboardEvent<HTMLInputElement>) => {
          if (event.key === 'Escape') setText('')
        }}
      />
    </div>
  )
}

interface ChipsProps {
  readonly chips: readonly { readonly key: string; readonly words: string; readonly onRemove: () => void }[]
  readonly onClear?: () => void
}

/** What narrows the list, each to be taken away. */
export function FilterChips({ chips, onClear }: ChipsProps) {
  const { t } = useLingui()
  if (chips.length === 0) return null
  return (
    <ul className="chips">
      {chips.map(({ key, words, onRemove }) => (
        <li key={key} className="chip">
          {words}
          <button type="button" aria-label={t`Take away the filter ${words}`} onClick={onRemove}>
            <Sign name="x" size={12} />
          </button>
        </li>
      ))}
      {onClear && chips.length > 1 && (
        <li>
          <Button variant="subtle" size="compact-xs" onClick={onClear}>
            <Trans>Clear</Trans>
          </Button>
        </li>
      )}
    </ul>
  )
}

/** For lists that are here as a whole. */
export function sorted<T>(
  rows: readonly T[],
  by: string | undefined,
  values: Readonly<Record<string, (row: T) => string>>,
) {
  const value = values[by?.replace(/^-/, '') ?? '']
  if (!value) return rows
  const order = by?.startsWith('-') ? -1 : 1
  return rows.toSorted((a, b) => order * value(a).localeCompare(value(b), undefined, { numeric: true }))
}
