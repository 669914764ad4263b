/** One field of a form: the input that follows from what the contract says of it, unless its page has one of its own. */
import { NumberInput, Select, Switch, TagsInput, TextInput } from '@mantine/core'
import type { FocusEventHandler, ReactNode } from 'react'
import { useContractWords } from './contract-words.tsx'
import type { KnownField } from './form-schema.ts'

export interface FieldWish {
  /** Its path in `data`, such as `call_forward.number`. */
  readonly name: string
  readonly label: string
  /** The heading above it and its neighbours. */
  readonly group?: string
  /** Instead of the contract's words: `''` for none. */
  readonly help?: string
  /** Choices that only the portal knows, such as people, or their words. */
  readonly options?: readonly { readonly value: string; readonly label: string }[]
  /** Of choices: none is one too. */
  readonly isClearable?: boolean
  readonly isSecret?: boolean
  readonly placeholder?: string
  /** What is wrong beyond what the contract says, in words. */
  readonly check?: (value: unknown) => string | null
  /** Instead of an input that follows from the kind. */
  readonly render?: (input: OwnInput) => ReactNode
}

export interface OwnInput {
  readonly value: unknown
  readonly onChange: (value: unknown) => void
  readonly error: ReactNode
  /** The contract's words. */
  readonly help: ReactNode
}

interface FieldProps {
  readonly wish: FieldWish
  readonly field: KnownField
  readonly input: {
    readonly value?: unknown
    readonly error?: ReactNode
    // biome-ignore lint/suspicious/noExplicitAny: Mantine's type
    readonly onBlur?: FocusEventHandler<any>
  }
  readonly onChange: (value: unknown) => void
}

export function SchemaField({ wish, field, input, onChange }: FieldProps) {
  const words = useContractWords()
  const { value, error } = input
  const help = wish.help ?? words(field.description ?? '')
  if (wish.render) return wish.render({ value, onChange, error, help })
  const common = {
    label: wish.label,
    description: help,
    error,
    ...(input.onBlur && { onBlur: input.onBlur }),
    ...(wish.placeholder !== undefined && { placeholder: wish.placeholder }),
  }
  const needed = { withAsterisk: field.isRequired, required: field.isRequired }
  const options = wish.options ?? field.enum?.map((one) => ({ value: String(one), label: String(one) }))
  if (options) {
    return (
      <Select
        {...common}
        {...needed}
        data={options}
        value={typeof value === 'string' ? value : null}
        onChange={onChange}
        clearable={wish.isClearable === true}
        searchable={options.length > 8}
      />
    )
  }
  if (field.type === 'boolean') {
    return (
      <Switch {...common} checked={value === true} onChange={({ currentTarget }) => onChange(currentTarget.checked)} />
    )
  }
  if (field.type === 'integer' || field.type === 'number') {
    return <NumberInput {...common} {...needed} value={typeof value === 'number' ? value : ''} onChange={onChange} />
  }
  if (field.type === 'array') {
    return (
      <TagsInput {...common} {...needed} value={Array.isArray(value) ? value.map(String) : []} onChange={onChange} />
    )
  }
  const text = { ...common, ...needed, value: typeof value === 'string' ? value : '' }
  return (
    <TextInput
      {...text}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
      autoComplete={wish.isSecret ? 'new-password' : 'off'}
    />
  )
}
