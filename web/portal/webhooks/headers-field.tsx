/** Headers of one's own, as many as one likes: a name and a value each. Stored values are masked, and stay unless written. */
import { Trans, useLingui } from '@lingui/react/macro'
import { ActionIcon, Button, TextInput } from '@mantine/core'
import { useState } from 'react'
import { OwnField } from '../kit/own-field.tsx'
import type { OwnInput } from '../kit/schema-field.tsx'
import { Sign } from '../kit/sign.tsx'

interface Header {
  readonly name: string
  readonly value: string
}

export function HeadersField({ value, onChange, error, help }: OwnInput) {
  const { t } = useLingui()
  const [rows, setRows] = useState(() => rowsOf(value))
  const [seen, setSeen] = useState(value)
  // A row without a name yet is in no record, so rows are kept as long as they say the same.
  if (value !== seen) {
    setSeen(value)
    if (JSON.stringify(recordOf(rows)) !== JSON.stringify(value)) setRows(rowsOf(value))
  }
  const change = (next: readonly Header[]) => {
    setRows(next)
    onChange(recordOf(next))
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
              error={isTwice(rows, row) && t`This name is there twice.`}
              onChange={({ currentTarget }) =>
                change(rows.with(index, { ...row, name: currentTarget.value.trim().toLowerCase() }))
              }
            />
            <TextInput
              aria-label={t`Value of the header`}
              autoComplete="off"
              value={row.value}
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

const rowsOf = (value: unknown): readonly Header[] =>
  Object.entries(value as Record<string, string>).map(([name, text]) => ({ name, value: text }))

const recordOf = (rows: readonly Header[]) =>
  Object.fromEntries(rows.filter(({ name }) => name !== '').map(({ name, value }) => [name, value]))

const isTwice = (rows: readonly Header[], row: Header) =>
  row.name !== '' && rows.some((other) => other !== row && other.name === row.name)
