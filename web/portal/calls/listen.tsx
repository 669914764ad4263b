/** A phone is called and hears the call: for administrators. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button, Radio, Select } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { Dialog } from '../kit/dialog.tsx'
import { type Leg, nameOf } from './call-rights.ts'
import { useCommand } from './command.ts'
import { CommandProblem } from './command-problem.tsx'
import type { LiveCall } from './live-calls.ts'
import { PhoneFields, usePhoneChoice } from './phone-choice.tsx'
import { Rings } from './rings.tsx'

type Mode = LiveCall['supervisors'][number]['mode']

interface ListenProps {
  readonly call: LiveCall
  readonly talking: readonly Leg[]
  readonly onClose: () => void
}

export function Listen({ call, talking, onClose }: ListenProps) {
  const { t } = useLingui()
  const phone = usePhoneChoice(call.legs.map(({ device_id }) => device_id))
  const [mode, setMode] = useState<Mode>('monitor')
  const [hearer, setHearer] = useState<string | null>(null)
  const command = useCommand(call.id)
  // A phone of the organisation is whispered to sooner than who is outside.
  const standard = talking.find(({ device_id }) => device_id !== null) ?? talking[0]
  const leg_id = talking.some(({ id }) => id === hearer) ? hearer : (standard?.id ?? null)
  const modes: readonly { readonly mode: Mode; readonly name: string; readonly words: string }[] = [
    { mode: 'monitor', name: t`Listen only`, words: t`Nobody hears you.` },
    { mode: 'whisper', name: t`Whisper`, words: t`One side hears you, the other does not.` },
    { mode: 'barge', name: t`Speak to all`, words: t`Everybody in the call hears you.` },
  ]
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const data = {
      mode,
      ...(phone.target && { by: phone.target }),
      ...(phone.isAutoAnswer && { auto_answer: true }),
      ...(mode === 'whisper' && leg_id !== null && { leg_id }),
    }
    command.mutate({ verb: 'monitor', data }, { onSuccess: onClose })
  }
  return (
    <Dialog onClose={onClose} title={t`Listen to the call`}>
      <form className="form-group" onSubmit={submit} noValidate>
        <Radio.Group
          label={t`How`}
          description={t`Whoever is in the call can see it. Whether they must be told, and agree, is for you to see to.`}
          value={mode}
          onChange={(value) => setMode(value as Mode)}
        >
          <div className="choices">
            {modes.map((one) => (
              <Radio key={one.mode} value={one.mode} label={one.name} description={one.words} />
            ))}
          </div>
        </Radio.Group>
        {mode === 'whisper' && (
          <Select
            label={t`Who hears you`}
            data={talking.map((leg) => ({ value: leg.id, label: nameOf(leg) }))}
            value={leg_id}
            onChange={setHearer}
            allowDeselect={false}
          />
        )}
        <PhoneFields choice={phone} label={t`Which phone listens`} />
        {command.isPending && <Rings />}
        {command.error && <CommandProblem what={t`Nobody listens.`} error={command.error} />}
        <div className="form-actions">
          <Button type="submit" disabled={phone.value === null} loading={command.isPending}>
            <Trans>Call the phone</Trans>
          </Button>
          <Button variant="default" onClick={onClose}>
            {command.isPending ? <Trans>Close</Trans> : <Trans>Cancel</Trans>}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
