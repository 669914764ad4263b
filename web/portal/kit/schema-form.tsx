/**
 * A form of one operation: one column, help from the contract's descriptions, looked at when a field is left and when it is
 * saved. Save is there when something changed. What the server says of a field stands at the field.
 */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button, NumberInput, Select, Switch, TagsInput, Textarea, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { type ReactNode, useState } from 'react'
import { ApiFailure, type Route } from '../../../contract/client.ts'
import { ApiButton } from './api-button.tsx'
import { changesOf, faultOf, type FieldFault, fieldOf, givenOf, type KnownField } from './form-schema.ts'
import { Problem } from './problem.tsx'

type Values = Record<string, unknown>

export interface FieldWish {
  /** Its path in `data`, such as `call_forward.number`. */
  readonly name: string
  readonly label: string
  /** Instead of the contract's words: `''` for none. */
  readonly help?: string
  /** Choices that only the portal knows, such as people. */
  readonly options?: readonly { readonly value: string; readonly label: string }[]
  /** Of choices: none is one too. */
  readonly isClearable?: boolean
  readonly isSecret?: boolean
  readonly isLong?: boolean
  readonly placeholder?: string
  /** Instead of an input that follows from the kind. */
  readonly render?: (input: { value: unknown; onChange: (value: unknown) => void; error: ReactNode }) => ReactNode
}

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
  readonly onCancel?: () => void
}

export function SchemaForm({ route, params, fields, initial, isNew, save, onSave, onCancel }: FormProps) {
  const known = new Map(fields.map(({ name }) => [name, fieldOf(route, name)]))
  const faultWords = useFaultWords()
  const [failure, setFailure] = useState<Error | null>(null)
  const [isBusy, setBusy] = useState(false)
  const form = useForm<Values>({
    initialValues: initial,
    validateInputOnBlur: true,
    validate: (values) =>
      Object.fromEntries(
        [...known].flatMap(([name, field]) => {
          const fault = faultOf(field, at(values, name))
          return fault && (isNew || fault !== 'missing' || at(initial, name) !== undefined)
            ? [[name, faultWords(fault, field)]]
            : []
        }),
      ),
  })
  const dataOf = (values: Values): Values => ({ ...(isNew ? givenOf(values) : changesOf(initial, values)) })
  const submit = async (values: Values) => {
    setBusy(true)
    setFailure(null)
    try {
      await onSave(dataOf(values))
    } catch (error) {
      const issues = issuesOf(error).filter(({ field }) => known.has(field))
      form.setErrors(Object.fromEntries(issues.map(({ field, message }) => [field, message])))
      if (issues.length === 0) setFailure(error instanceof Error ? error : new Error(String(error)))
    }
    setBusy(false)
  }
  const isChanged = isNew || Object.keys(changesOf(initial, form.values)).length > 0
  return (
    <form className="form" noValidate onSubmit={form.onSubmit((values) => void submit(values))}>
      <div className="form-group">
        {fields.map((wish) => (
          <Field
            key={wish.name}
            wish={wish}
            field={known.get(wish.name) as KnownField}
            input={form.getInputProps(wish.name)}
            onChange={(value) => form.setFieldValue(wish.name, value)}
          />
        ))}
      </div>
      {failure && <Problem error={failure} />}
      <div className="form-actions">
        {isChanged && (
          <Button type="submit" loading={isBusy}>
            {save}
          </Button>
        )}
        {onCancel && (
          <Button variant="default" onClick={onCancel}>
            <Trans>Cancel</Trans>
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

interface FieldProps {
  readonly wish: FieldWish
  readonly field: KnownField
  readonly input: ReturnType<ReturnType<typeof useForm<Values>>['getInputProps']>
  readonly onChange: (value: unknown) => void
}

function Field({ wish, field, input, onChange }: FieldProps) {
  const value: unknown = input.value
  const common = {
    label: wish.label,
    description: help(wish.help ?? field.description ?? ''),
    error: input.error,
    onBlur: input.onBlur,
    withAsterisk: field.isRequired,
    required: field.isRequired,
    ...(wish.placeholder !== undefined && { placeholder: wish.placeholder }),
  }
  if (wish.render) return wish.render({ value, onChange, error: input.error })
  const options = wish.options ?? field.enum?.map((one) => ({ value: String(one), label: String(one) }))
  if (options) {
    return (
      <Select
        {...common}
        data={options}
        value={typeof value === 'string' ? value : null}
        onChange={onChange}
        clearable={wish.isClearable === true}
        searchable={options.length > 8}
      />
    )
  }
  if (field.type === 'boolean') {
    const { withAsterisk: _a, required: _r, ...rest } = common
    return (
      <Switch {...rest} checked={value === true} onChange={({ currentTarget }) => onChange(currentTarget.checked)} />
    )
  }
  if (field.type === 'integer' || field.type === 'number') {
    return (
      <NumberInput {...common} value={typeof value === 'number' ? value : ''} onChange={(next) => onChange(next)} />
    )
  }
  if (field.type === 'array') {
    return <TagsInput {...common} value={Array.isArray(value) ? value.map(String) : []} onChange={onChange} />
  }
  const text = {
    ...common,
    value: typeof value === 'string' ? value : '',
    onChange: ({ currentTarget }: { currentTarget: { value: string } }) => onChange(currentTarget.value),
  }
  if (wish.isLong) return <Textarea {...text} autosize minRows={2} />
  return <TextInput {...text} autoComplete={wish.isSecret ? 'new-password' : 'off'} />
}

/** `code` in the contract's words is code here too. */
function help(text: string): ReactNode {
  return text.split('`').map((part, index) => (index % 2 === 1 ? <code key={`${index}${part}`}>{part}</code> : part))
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

function issuesOf(error: unknown): Issue[] {
  if (!(error instanceof ApiFailure) || !Array.isArray(error.details.issues)) return []
  return (error.details.issues as Issue[]).map(({ field, message }) => ({
    field: field.replace(/^data\./, ''),
    message,
  }))
}

/** A secret that was typed is not shown beside the form. */
function masked(data: Values, fields: readonly FieldWish[]): Values {
  const secret = new Set(fields.filter(({ isSecret }) => isSecret).map(({ name }) => name))
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, secret.has(name) ? '…' : value]))
}
