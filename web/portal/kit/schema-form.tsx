/**
 * A form of one operation: one column, help from the contract's descriptions, looked at when a field is left and when it is
 * saved. Save is there when something changed. What the server says of a field stands at the field.
 *
 * Invariant: what was read again while somebody writes never undoes what was written; a form without changes follows it.
 * A change says which version it was made on; refused as one of the past, what was written is put on the new one.
 */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useEffect, useState } from 'react'
import { ApiFailure, type Route } from '../../../contract/client.ts'
import { ApiButton } from './api-button.tsx'
import { asError } from './failure.ts'
import { changesOf, givenOf, rebased } from './form-changes.ts'
import { faultOf, type FieldFault, fieldOf, type KnownField } from './form-schema.ts'
import { Problem } from './problem.tsx'
import { type FieldWish, SchemaField } from './schema-field.tsx'
import type { Version } from '../session.tsx'

export type { FieldWish } from './schema-field.tsx'

type Values = Record<string, unknown>

export interface Stored {
  readonly data: { readonly etag: string | null } | undefined
  readonly refetch: () => Promise<{ readonly isError: boolean }>
}

/** What a form was filled with. */
interface Base {
  readonly values: Values
  readonly etag: string | null
}

interface FormProps {
  readonly route: Route
  readonly params?: Readonly<Record<string, string>>
  readonly fields: readonly FieldWish[]
  /** What there is, or what a new one begins with. */
  readonly initial: Values
  /** What was read: an old object is sent as what changed of it, a new one, which was not, as a whole. */
  readonly read?: Stored
  readonly save: string
  readonly onSave: (data: Values, version: Version) => Promise<unknown>
}

export function SchemaForm({ route, params, fields, initial, read, save, onSave }: FormProps) {
  const isNew = read === undefined
  const known = new Map(fields.map(({ name }) => [name, fieldOf(route, name)]))
  const faultWords = useFaultWords()
  const etag = read?.data?.etag ?? null
  const [{ values: base, etag: baseTag }, setBase] = useState<Base>({ values: initial, etag })
  const [failure, setFailure] = useState<Error | null>(null)
  const [isBusy, setBusy] = useState(false)
  /** It was refused as one of the past; then the new one is there, with what was written. */
  const [conflict, setConflict] = useState<'met' | 'shown' | null>(null)
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
  const said = JSON.stringify(initial)
  const isSame = said === JSON.stringify(base)
  // Of what is read again, only what it says counts.
  useEffect(() => {
    if (isNew || (isSame && etag === baseTag && conflict !== 'met')) return
    const now = JSON.parse(said) as Values
    // A new version that says the same is no other one for whoever writes.
    if (isSame || !isChanged || conflict === 'met') setBase({ values: now, etag })
    if (!isSame && !isChanged) form.setValues(now)
    if (conflict !== 'met') return
    if (isChanged) form.setValues(rebased(base, form.getValues(), now))
    setFailure(null)
    setConflict('shown')
  }, [isNew, isChanged, isSame, said, etag, base, baseTag, conflict, form.setValues, form.getValues])
  const submit = async (values: Values) => {
    setBusy(true)
    setFailure(null)
    setConflict(null)
    try {
      await onSave(dataOf(values), baseTag === null ? {} : { ifMatch: baseTag })
      // Its version is read again with it.
      if (!isNew) setBase({ values, etag: null })
    } catch (error) {
      const isLate = error instanceof ApiFailure && error.status === 412
      if (isLate && (await read?.refetch())?.isError === false) setConflict('met')
      const { faults, isWhole } = faultsOf(error, [...known.keys()])
      form.setErrors(faults)
      if (!isWhole) setFailure(asError(error))
    }
    setBusy(false)
  }
  const takeBack = () => {
    form.setValues(base)
    setConflict(null)
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
      {conflict === 'shown' && (
        <p className="fault" role="alert">
          <Trans>It was changed meanwhile. This is the new one, with what you wrote: look at it, and save again.</Trans>
        </p>
      )}
      <div className="form-actions">
        {isChanged && (
          <Button type="submit" loading={isBusy}>
            {save}
          </Button>
        )}
        {isChanged && !isNew && (
          <Button variant="default" onClick={takeBack}>
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
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).map(([name, one]) => [name, one === null ? null : '…']))
      : '…'
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => [name, secret.has(name) && value !== null ? hidden(value) : value]),
  )
}
