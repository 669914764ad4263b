/** Rows that are chosen, to do one thing with all of them. */
import { Plural, Trans, useLingui } from '@lingui/react/macro'
import { Button, Checkbox } from '@mantine/core'
import { type ReactNode, useState } from 'react'

export interface Choice<T> {
  readonly chosen: ReadonlySet<string>
  readonly set: (chosen: ReadonlySet<string>) => void
  /** How a row is called. */
  readonly nameOf: (row: T) => string
  /** What can be done with those that are chosen. */
  readonly actions: ReactNode
}

type Chosen = Pick<Choice<never>, 'chosen' | 'set'>

/** What is chosen of rows that are there: one that is gone meanwhile is not chosen any more. */
export function useChosen<T>(rows: readonly T[], idOf: (row: T) => string) {
  const [chosen, set] = useState<ReadonlySet<string>>(new Set())
  const those = rows.filter((row) => chosen.has(idOf(row)))
  return { chosen: new Set(those.map(idOf)), set, rows: those }
}

export function ChooseBox({
  choice,
  id,
  name,
}: {
  readonly choice: Chosen
  readonly id: string
  readonly name: string
}) {
  const { t } = useLingui()
  const { chosen, set } = choice
  const toggle = () => {
    const next = new Set(chosen)
    if (!next.delete(id)) next.add(id)
    set(next)
  }
  return <Checkbox size="xs" aria-label={t`Choose ${name}`} checked={chosen.has(id)} onChange={toggle} />
}

export function ChooseAll({ choice, ids }: { readonly choice: Chosen; readonly ids: readonly string[] }) {
  const { t } = useLingui()
  const { chosen, set } = choice
  const isAll = ids.length > 0 && ids.every((id) => chosen.has(id))
  return (
    <Checkbox
      size="xs"
      aria-label={t`Choose all`}
      checked={isAll}
      indeterminate={chosen.size > 0 && !isAll}
      onChange={() => set(new Set(isAll ? [] : ids))}
    />
  )
}

/** Nothing while nothing is chosen. */
export function ChosenBar({ choice }: { readonly choice: Chosen & { readonly actions: ReactNode } }) {
  const { chosen, set, actions } = choice
  if (chosen.size === 0) return null
  return (
    <div className="chosen-bar">
      <strong role="status">
        <Plural value={chosen.size} one="# chosen" other="# chosen" />
      </strong>
      {actions}
      <Button variant="subtle" size="xs" onClick={() => set(new Set())}>
        <Trans>Choose none</Trans>
      </Button>
    </div>
  )
}
