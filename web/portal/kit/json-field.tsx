import { Textarea } from '@mantine/core'
import { useState } from 'react'
import type { OwnInput } from './schema-field.tsx'

/** An object as JSON. While it is none, the value is the text; an empty field is an empty object. */
export function JsonField({ label, value, onChange, error, help }: OwnInput & { readonly label: string }) {
  const [text, setText] = useState(() => textOf(value))
  const [seen, setSeen] = useState(value)
  // What came from elsewhere, such as a form that was taken back, is shown.
  if (value !== seen) {
    setSeen(value)
    if (JSON.stringify(objectOf(text)) !== JSON.stringify(value)) setText(textOf(value))
  }
  return (
    <Textarea
      label={label}
      description={help}
      error={error}
      autosize
      minRows={2}
      maxRows={12}
      spellCheck={false}
      className="mono-field"
      value={text}
      onChange={({ currentTarget }) => {
        setText(currentTarget.value)
        onChange(objectOf(currentTarget.value))
      }}
    />
  )
}

const textOf = (value: unknown): string => {
  if (typeof value === 'string') return value
  return Object.keys(value ?? {}).length === 0 ? '' : JSON.stringify(value, null, 2)
}

function objectOf(text: string): unknown {
  if (text.trim() === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : text
  } catch {
    return text // it is being written
  }
}
