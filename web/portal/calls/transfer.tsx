/** The other side is passed on, blind: this side leaves at once. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { Dialog } from '../kit/dialog.tsx'
import { type Leg, nameOf } from './call-rights.ts'
import { useCommand } from './command.ts'
import { CommandProblem } from './command-problem.tsx'

interface TransferProps {
  readonly callId: string
  readonly leg: Leg
  readonly onClose: () => void
}

export function Transfer({ callId, leg, onClose }: TransferProps) {
  const { t } = useLingui()
  const [number, setNumber] = useState('')
  const command = useCommand(callId)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const data = { leg_id: leg.id, to: { number: number.trim() } }
    command.mutate({ verb: 'transfer', data }, { onSuccess: onClose })
  }
  return (
    <Dialog onClose={onClose} title={t`Pass the other side on`}>
      <form className="form-group" onSubmit={submit} noValidate>
        <TextInput
          label={t`To which number`}
          description={t`${nameOf(leg)} leaves the call at once.`}
          type="tel"
          autoComplete="off"
          data-autofocus
          value={number}
          onChange={({ currentTarget }) => setNumber(currentTarget.value)}
        />
        {command.error && <CommandProblem what={t`The other side was not passed on.`} error={command.error} />}
        <div className="form-actions">
          <Button type="submit" disabled={number.trim() === ''} loading={command.isPending}>
            <Trans>Transfer</Trans>
          </Button>
          <Button variant="default" onClick={onClose}>
            <Trans>Cancel</Trans>
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
