/**
 * A form of one operation: one column, help from the contract's descriptions, looked at when a field is left and when it is
 * saved. Save is there when something changed. What the server says of a field stands at the field.
 *
 * Invariant: what was read again while somebody writes never undoes what was written; a form without changes follows it.
 */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useEffect, useState } from 'react'
import { ApiFailure, type Route } from '../../../contract/client.ts'
import { ApiButton } from './api-button.tsx'
import { asError } from './failure.ts'
import { changesOf, faultOf, type FieldFault, fieldOf, givenOf, type KnownField } from './form-schema.ts'
import { Problem } from './problem.tsx'
import { type FieldWish, SchemaField } from './schema-field.tsx'

export type { FieldWish } from './schema-field.tsx'

type Values = Record<string, unknown>

interface FormProps {
  readonly route: Route
  readonly params?: Readonly<Record<string, string>>
  readonly fields: readonly FieldWish[]
  /** What there is, or what a new one begins with. */
  readonly initial: Values
  /** A new object is sent as a whole, an old one as what changed. */
  readonly isNew: boolean
  readonly save: string
  readonly onSave: (data: Values) => Promise<unknown>
}

export function SchemaForm({ route, params, fields, initial, isNew, save, onSave }: FormProps) {
  const known = new Map(fields.map(({ name }) => [name, fieldOf(route, name)]))
  const faultWords = useFaultWords()
  const [base, setBase] = useState(initial)
  const [failure, setFailure] = useState<Error | null>(null)
  const [isBusy, setBusy] = useState(false)
  const form = useForm<Values>({
    initialValues: initial,
    validateInputOnBlur: true,
    validate: (values) =>
      Object.fromEntries(
        fields.flatMap(({ name, check }) => {
          const field = known.get(name) as KnownField
          const fault = faultOf(field, at(values, name))
          const isNow = fault && (isNew || fault !== 'missing' || at(base, name) !== undefined)
          const words = isNow ? faultWords(fault, field) : check?.(at(values, name))
          return words ? [[name, words]] : []
        }),
      ),
  })
  const dataOf = (values: Values): Values => (isNew ? givenOf(values) : changesOf(base, values))
  const isChanged = isNew || Object.keys(changesOf(base, form.values)).length > 0
  const read = JSON.stringify(initial)
  // Of what is read again, only what it says counts.
  useEffect(() => {
    if (isNew || isChanged || read === JSON.stringify(base)) return
    setBase(JSON.parse(read))
    form.setValues(JSON.parse(read))
  }, [isNew, isChanged, read, base, form.setValues])
  const submit = async (values: Values) => {
    setBusy(true)
    setFailure(null)
    try {
      await onSave(dataOf(values))
      if (!isNew) setBase(values)
    } catch (error) {
      const { faults, isWhole } = faultsOf(error, [...known.keys()])
      form.setErrors(faults)
      if (!isWhole) setFailure(asError(error))
    }
    setBusy(false)
  }
  return (
    <form className="form" noValidate onSubmit={form.onSubmit((values) => void submit(values))}>
      {groupsOf(fields).map(({ title, wishes }) => (
        <fieldset key={title} className="form-group">
          {title !== '' && <legend>{title}</legend>}
          {wishes.map((wish) => (
            <SchemaField
              key={wish.name}
              wish={wish}
              field={known.get(wish.name) as KnownField}
              input={form.getInputProps(wish.name)}
              onChange={(value) => form.setFieldValue(wish.name, value)}
            />
          ))}
        </fieldset>
      ))}
      {failure && <Problem error={failure} />}
      <div className="form-actions">
        {isChanged && (
          <Button type="submit" loading={isBusy}>
            {save}
          </Button>
        )}
        {isChanged && !isNew && (
          <Button variant="default" onClick={() => form.setValues(base)}>
            <Trans>Take back</Trans>
          </Button>
        )}
        <span className="grow" />
        <ApiButton
          calls={[{ route, ...(params && { params }), body: { data: masked(dataOf(form.values), fields) } }]}
        />
      </div>
    </form>
  )
}

/** Fields of one heading stand together, in the order in which they are given. */
function groupsOf(fields: readonly FieldWish[]) {
  const groups = Map.groupBy(fields, ({ group = '' }) => group)
  return [...groups].map(([title, wishes]) => ({ title, wishes }))
}

function useFaultWords(): (fault: FieldFault, field: KnownField) => string {
  const { t } = useLingui()
  return (fault, field) => {
    const { minLength, maxLength, minimum, maximum } = field
    const words: Record<FieldFault, string> = {
      missing: t`This is needed.`,
      short: t`At least ${minLength ?? 0} characters.`,
      long: t`At most ${maxLength ?? 0} characters.`,
      small: t`Not less than ${minimum ?? 0}.`,
      large: t`Not more than ${maximum ?? 0}.`,
      choice: t`Choose one of the list.`,
      form: t`This does not have the form that is needed.`,
    }
    return words[fault]
  }
}

const at = (values: Values, path: string): unknown =>
  path.split('.').reduce<unknown>((value, name) => (value as Values | null | undefined)?.[name], values)

interface Issue {
  readonly field: string
  readonly message: string
}

/**
 * What the server says, by field: of a part of one (`headers.host`, `filters.0.op`) at the field, with the name of the part.
 * `isWhole`: all of it is shown so.
 */
function faultsOf(error: unknown, names: readonly string[]) {
  const issues = error instanceof ApiFailure && Array.isArray(error.details.issues) ? error.details.issues : []
  const faults: Record<string, string> = {}
  let isWhole = issues.length > 0
  for (const { field, message } of issues as readonly Issue[]) {
    const path = field.replace(/^data\./, '')
    const name = names.find((one) => path === one || path.startsWith(`${one}.`))
    if (name === undefined) isWhole = false
    else faults[name] ??= path === name ? message : `${path.slice(name.length + 1)}: ${message}`
  }
  return { faults, isWhole }
}

/** A secret that was typed is not shown beside the form. */
function masked(data: Values, fields: readonly FieldWish[]): Values {
  const secret = new Set(fields.filter(({ isSecret }) => isSecret).map(({ name }) => name))
  const hidden = (value: unknown): unknown =>
    typeof value === 'object' && value !== null
      ? Object.fromEntries(Object.entries(value).map(([name, one]) => [name, one === null ? null : '…']))
      : '…'
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => [name, secret.has(name) && value !== null ? hidden(value) : value]),
  )
}
