/** Which events are sent: all, whole families, or single types, from the catalogue. */
import { Plural, Trans, useLingui } from '@lingui/react/macro'
import contract from 'virtual:contract'
import { Checkbox } from '@mantine/core'
import { useState } from 'react'
import { useContractWords } from '../kit/contract-words.tsx'
import { OwnField } from '../kit/own-field.tsx'
import type { OwnInput } from '../kit/schema-field.tsx'
import { Sign } from '../kit/sign.tsx'

const familyOf = (type: string) => `${type.split('.')[0]}.*`
const families = Map.groupBy(contract.events, ({ type }) => familyOf(type))
const known = new Set(['*', ...families.keys(), ...contract.events.map(({ type }) => type)])

export function EventTypesField({ value, onChange, error, help }: OwnInput) {
  const { t } = useLingui()
  const chosen = value as readonly string[]
  const isAll = chosen.includes('*')
  const toggle = (pattern: string, covers: readonly string[] = []) => {
    const others = chosen.filter((one) => one !== pattern && !covers.includes(one))
    onChange(chosen.includes(pattern) ? others : [...others, pattern])
  }
  return (
    <OwnField label={t`Events`} help={help} error={error}>
      <div className="event-types">
        <Checkbox
          checked={isAll}
          onChange={() => toggle('*', [...known])}
          label={
            <>
              <code>*</code> <Trans>everything, also what comes with later versions</Trans>
            </>
          }
        />
        {[...families].map(([family, types]) => (
          <Family key={family} family={family} types={types} chosen={chosen} isAll={isAll} toggle={toggle} />
        ))}
        {chosen
          .filter((one) => !known.has(one))
          .map((one) => (
            <Checkbox key={one} checked onChange={() => toggle(one)} label={<code>{one}</code>} />
          ))}
      </div>
    </OwnField>
  )
}

interface FamilyProps {
  readonly family: string
  readonly types: readonly { readonly type: string; readonly summary: string }[]
  readonly chosen: readonly string[]
  readonly isAll: boolean
  readonly toggle: (pattern: string, covers?: readonly string[]) => void
}

function Family({ family, types, chosen, isAll, toggle }: FamilyProps) {
  const { t } = useLingui()
  const words = useContractWords()
  const single = types.filter(({ type }) => chosen.includes(type))
  const [isOpen, setOpen] = useState(single.length > 0)
  const isWhole = isAll || chosen.includes(family)
  const names = types.map(({ type }) => type)
  return (
    <div>
      <div className="row">
        <Checkbox
          checked={isWhole}
          indeterminate={!isWhole && single.length > 0}
          disabled={isAll}
          onChange={() => toggle(family, names)}
          label={<code>{family}</code>}
        />
        <span className="grow" />
        <button type="button" className="plain-link with-sign" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          <span className="unseen">{t`Single types of ${family}`}: </span>
          <Plural value={types.length} one="# type" other="# types" />
          <Sign name={isOpen ? 'up' : 'down'} size={12} />
        </button>
      </div>
      {isOpen && (
        <div className="event-types is-inner">
          {types.map(({ type, summary }) => (
            <Checkbox
              key={type}
              checked={isWhole || chosen.includes(type)}
              disabled={isWhole}
              onChange={() => toggle(type)}
              label={<code>{type}</code>}
              description={words(summary)}
            />
          ))}
        </div>
      )}
    </div>
  )
}
