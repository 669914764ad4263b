/** Conditions of a webhook: all must hold for an event to be sent. The kind of a value is part of what is compared. */
import { Trans, useLingui } from '@lingui/react/macro'
import { ActionIcon, Button, NumberInput, Select, TagsInput, TextInput } from '@mantine/core'
import type { EventCondition } from '../../../contract/webhook.ts'
import { OwnField } from '../kit/own-field.tsx'
import type { OwnInput } from '../kit/schema-field.tsx'
import { Sign } from '../kit/sign.tsx'

type Op = EventCondition['op']
type Kind = 'text' | 'number' | 'boolean' | 'null'

export function FiltersField({ value, onChange, error, help }: OwnInput) {
  const { t } = useLingui()
  const conditions = value as readonly EventCondition[]
  return (
    <OwnField label={t`Conditions`} help={help} error={error}>
      <div className="rows">
        {conditions.map((condition, index) => (
          <Row
            // Conditions have no names but their places.
            key={index}
            condition={condition}
            onChange={(next) => onChange(conditions.with(index, next))}
            onRemove={() => onChange(conditions.toSpliced(index, 1))}
          />
        ))}
        <div>
          <Button
            size="xs"
            variant="default"
            leftSection={<Sign name="plus" size={14} />}
            onClick={() => onChange([...conditions, { path: '', op: 'eq', value: '' }])}
          >
            <Trans>Add a condition</Trans>
          </Button>
        </div>
      </div>
    </OwnField>
  )
}

interface RowProps {
  readonly condition: EventCondition
  readonly onChange: (condition: EventCondition) => void
  readonly onRemove: () => void
}

function Row({ condition, onChange, onRemove }: RowProps) {
  const { t } = useLingui()
  const { path, op } = condition
  const ops: Readonly<Record<Op, string>> = {
    eq: t`is`,
    ne: t`is not`,
    in: t`is one of`,
    not_in: t`is none of`,
    prefix: t`begins with`,
    exists: t`is there`,
  }
  return (
    <div className="filter-row">
      <TextInput
        aria-label={t`Field of the event`}
        placeholder="data.call.direction"
        className="mono-field"
        value={path}
        onChange={({ currentTarget }) => onChange({ ...condition, path: currentTarget.value.trim() })}
      />
      <ActionIcon
        variant="subtle"
        color="gray"
        className="quiet-icon"
        aria-label={t`Take this condition away`}
        onClick={onRemove}
      >
        <Sign name="x" size={16} />
      </ActionIcon>
      <Select
        aria-label={t`Comparison`}
        data={Object.entries(ops).map(([value, label]) => ({ value, label }))}
        value={op}
        onChange={(next) => next && onChange({ path, op: next as Op, value: valueFor(next as Op, condition.value) })}
      />
      <ValueInput condition={condition} onChange={(value) => onChange({ ...condition, value })} />
    </div>
  )
}

/** What was written is kept where the comparison can have it. */
function valueFor(op: Op, value: EventCondition['value']): EventCondition['value'] {
  if (op === 'exists') return true
  const one = Array.isArray(value) ? (value[0] ?? '') : (value ?? '')
  if (op === 'prefix') return String(one)
  if (op === 'eq' || op === 'ne') return one
  return Array.isArray(value) ? value : one === '' ? [] : [one]
}

interface ValueProps {
  readonly condition: EventCondition
  readonly onChange: (value: EventCondition['value']) => void
}

function ValueInput({ condition: { op, value }, onChange }: ValueProps) {
  const { t } = useLingui()
  const label = t`Value`
  if (op === 'exists') return <YesNo label={label} value={value !== false} onChange={onChange} />
  if (Array.isArray(value)) {
    const before = new Map(value.map((one) => [String(one), one]))
    // Numbers and the like that were there stay what they were.
    const typed = (texts: readonly string[]) => texts.map((text) => before.get(text) ?? text)
    return <TagsInput aria-label={label} value={[...before.keys()]} onChange={(texts) => onChange(typed(texts))} />
  }
  const text = (
    <TextInput
      aria-label={label}
      value={String(value ?? '')}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    />
  )
  if (op === 'prefix') return text
  const kind = kindOf(value)
  return (
    <div className="value-row">
      <Select
        aria-label={t`Kind of the value`}
        data={[
          { value: 'text', label: t`Text` },
          { value: 'number', label: t`Number` },
          { value: 'boolean', label: t`Yes or no` },
          { value: 'null', label: t`Nothing` },
        ]}
        value={kind}
        onChange={(next) => onChange(asKind(next as Kind, value))}
      />
      {kind === 'text' && text}
      {kind === 'number' && (
        <NumberInput aria-label={label} value={Number(value)} onChange={(next) => onChange(Number(next))} />
      )}
      {kind === 'boolean' && <YesNo label={label} value={value === true} onChange={onChange} />}
    </div>
  )
}

interface YesNoProps {
  readonly label: string
  readonly value: boolean
  readonly onChange: (value: boolean) => void
}

function YesNo({ label, value, onChange }: YesNoProps) {
  const { t } = useLingui()
  const data = [
    { value: 'true', label: t`yes` },
    { value: 'false', label: t`no` },
  ]
  return <Select aria-label={label} data={data} value={String(value)} onChange={(next) => onChange(next === 'true')} />
}

type Scalar = string | number | boolean | null | undefined

function kindOf(value: Scalar): Kind {
  if (value === null) return 'null'
  return typeof value === 'number' ? 'number' : typeof value === 'boolean' ? 'boolean' : 'text'
}

function asKind(kind: Kind, value: Scalar): string | number | boolean | null {
  if (kind === 'null') return null
  if (kind === 'boolean') return value === true || value === 'true'
  return kind === 'number' ? Number(value) || 0 : String(value ?? '')
}
