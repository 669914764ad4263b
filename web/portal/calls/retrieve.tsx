/** A phone is called and joined to whoever is parked. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button } from '@mantine/core'
import type { FormEvent } from 'react'
import { Dialog } from '../kit/dialog.tsx'
import { useCommand } from './command.ts'
import { CommandProblem } from './command-problem.tsx'
import type { LiveCall } from './live-calls.ts'
import { PhoneFields, usePhoneChoice } from './phone-choice.tsx'
import { Rings } from './rings.tsx'

export function Retrieve({ call, onClose }: { readonly call: LiveCall; readonly onClose: () => void }) {
  const { t } = useLingui()
  const phone = usePhoneChoice(call.legs.map(({ device_id }) => device_id))
  const command = useCommand(call.id)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const data = { ...(phone.target && { by: phone.target }), ...(phone.isAutoAnswer && { auto_answer: true }) }
    command.mutate({ verb: 'retrieve', data }, { onSuccess: onClose })
  }
  return (
    <Dialog onClose={onClose} title={t`Retrieve the call`}>
      <form className="form-group" onSubmit={submit} noValidate>
        <PhoneFields choice={phone} label={t`Which phone takes it`} />
        {command.isPending && <Rings />}
        {command.error && <CommandProblem what={t`The call is still parked.`} error={command.error} />}
        <div className="form-actions">
          <Button type="submit" disabled={phone.value === null} loading={command.isPending}>
            <Trans>Retrieve</Trans>
          </Button>
          <Button variant="default" onClick={onClose}>
            {command.isPending ? <Trans>Close</Trans> : <Trans>Cancel</Trans>}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
