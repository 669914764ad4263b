/** Headers of one's own, as many as one likes: a name and a value each. Stored values are masked, and stay unless written. */
import { Trans, useLingui } from '@lingui/react/macro'
import { ActionIcon, Button, TextInput } from '@mantine/core'
import { useState } from 'react'
import { OwnField } from '../kit/own-field.tsx'
import type { OwnInput } from '../kit/schema-field.tsx'
import { Sign } from '../kit/sign.tsx'
import { faultOf, formValueOf, type HeaderFault, type HeaderRow, rowsOf } from './header-rows.ts'

export function HeadersField({ value, onChange, error, help }: OwnInput) {
  const { t } = useLingui()
  const [rows, setRows] = useState(() => rowsOf(value))
  const said = JSON.stringify(value)
  const [last, setLast] = useState(said)
  // A row that nobody began is in no value, so rows are kept as long as the form holds what was said last.
  if (said !== last) {
    setLast(said)
    setRows(rowsOf(value))
  }
  const words = useHeaderWords()
  const wordsOf = (row: HeaderRow, ...which: readonly HeaderFault[]) => {
    const fault = faultOf(rows, row)
    return fault !== null && which.includes(fault) && words[fault]
  }
  const change = (next: readonly HeaderRow[]) => {
    const made = formValueOf(next)
    setRows(next)
    setLast(JSON.stringify(made))
    onChange(made)
  }
  return (
    <OwnField label={t`Headers`} help={help} error={error}>
      <div className="rows">
        {rows.map((row, index) => (
          <div className="header-row" key={index}>
            <TextInput
              aria-label={t`Name of the header`}
              placeholder="authorization"
              className="mono-field"
              value={row.name}
              error={wordsOf(row, 'twice', 'nameless')}
              onChange={({ currentTarget }) =>
                change(rows.with(index, { ...row, name: currentTarget.value.trim().toLowerCase() }))
              }
            />
            <TextInput
              aria-label={t`Value of the header`}
              autoComplete="off"
              value={row.value}
              error={wordsOf(row, 'masked')}
              onChange={({ currentTarget }) => change(rows.with(index, { ...row, value: currentTarget.value }))}
            />
            <ActionIcon
              variant="subtle"
              color="gray"
              className="quiet-icon"
              aria-label={t`Take the header ${row.name} away`}
              onClick={() => change(rows.toSpliced(index, 1))}
            >
              <Sign name="x" size={16} />
            </ActionIcon>
          </div>
        ))}
        <div>
          <Button
            size="xs"
            variant="default"
            leftSection={<Sign name="plus" size={14} />}
            onClick={() => change([...rows, { name: '', value: '' }])}
          >
            <Trans>Add a header</Trans>
          </Button>
        </div>
      </div>
    </OwnField>
  )
}

export function useHeaderWords(): Readonly<Record<HeaderFault, string>> {
  const { t } = useLingui()
  return {
    nameless: t`Give each value a name, or take it away.`,
    twice: t`This name is there twice.`,
    masked: t`A stored value is not known here: enter it again under its new name.`,
    empty: t`Give each header a value, or take it away.`,
  }
}
