/** Whose phone a call is to ring at: all of one's own, or for administrators any that is registered. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Select, Switch } from '@mantine/core'
import { useState } from 'react'
import { useRead, useSession } from '../session.tsx'

export interface PhoneChoice {
  /** Undefined: there is nothing to choose, or it is not known yet. */
  readonly options: readonly { readonly value: string; readonly label: string }[] | undefined
  readonly value: string | null
  readonly choose: (value: string | null) => void
  /** As the API names it: absent, all of one's own. */
  readonly target: { readonly device_id: string } | undefined
  readonly isAutoAnswer: boolean
  readonly setAutoAnswer: (isAutoAnswer: boolean) => void
}

const own = 'own'

/** `others`: devices that are in it already. */
export function usePhoneChoice(others: readonly (string | null)[]): PhoneChoice {
  const { t } = useLingui()
  const { isAdmin, accountId, homeId, who } = useSession()
  const devices = useRead('GET /v3.0/devices', { query: {} }, { enabled: isAdmin })
  const status = useRead('GET /v3.0/devices/status', {}, { enabled: isAdmin })
  const [chosen, choose] = useState<string | null>(null)
  const [isAutoAnswer, setAutoAnswer] = useState(false)
  const states = status.data?.data
  const registered =
    states && devices.data?.data.filter(({ id }) => !others.includes(id) && states[id]?.registered === true)
  const isAtHome = accountId === homeId
  const hasOwn = isAtHome && (!isAdmin || (registered?.some(({ owner_id }) => owner_id === who.user_id) ?? false))
  const value = chosen ?? (hasOwn ? own : null)
  return {
    options: registered && [
      ...(hasOwn ? [{ value: own, label: t`All of mine` }] : []),
      ...registered.map(({ id, name }) => ({ value: id, label: name })),
    ],
    value,
    choose,
    target: value === null || value === own ? undefined : { device_id: value },
    isAutoAnswer,
    setAutoAnswer,
  }
}

export function PhoneFields({ choice, label }: { readonly choice: PhoneChoice; readonly label: string }) {
  const { t } = useLingui()
  const { options, value, choose, isAutoAnswer, setAutoAnswer } = choice
  return (
    <>
      {options?.length === 0 && (
        <p className="soft">
          <Trans>No phone is registered that could ring first. One that is appears here.</Trans>
        </p>
      )}
      {options && options.length > 0 && (
        <Select
          label={label}
          placeholder={t`Choose a phone`}
          data={options}
          value={value}
          onChange={choose}
          searchable={options.length > 8}
        />
      )}
      <Switch
        label={t`That phone answers by itself`}
        description={t`Where the phone can: it is on its loudspeaker at once. Otherwise it rings, and you take it.`}
        checked={isAutoAnswer}
        onChange={({ currentTarget }) => setAutoAnswer(currentTarget.checked)}
      />
    </>
  )
}
