/** Asks before something is gone, and spells what it is. */
import { Trans } from '@lingui/react/macro'
import { Button } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { Dialog } from './dialog.tsx'
import { asError } from './failure.ts'
import { Problem } from './problem.tsx'

interface ConfirmProps {
  readonly title: string
  /** The verb on the button. */
  readonly verb: string
  readonly isDanger?: boolean
  readonly onConfirm: () => Promise<unknown>
  /** Also when it was done, unless `onDone` says what comes then. */
  readonly onClose: () => void
  readonly onDone?: () => void
  readonly children: ReactNode
}

export function Confirm({ title, verb, isDanger, onConfirm, onClose, onDone = onClose, children }: ConfirmProps) {
  const [failure, setFailure] = useState<Error | null>(null)
  const [isBusy, setBusy] = useState(false)
  const confirm = async () => {
    setBusy(true)
    try {
      await onConfirm()
      onDone()
    } catch (error) {
      setFailure(asError(error))
      setBusy(false)
    }
  }
  return (
    <Dialog onClose={onClose} title={title}>
      <div className="form-group">
        <div>{children}</div>
        {failure && <Problem error={failure} />}
        <div className="form-actions">
          <Button
            onClick={() => void confirm()}
            loading={isBusy}
            {...(isDanger && { color: 'red', className: 'danger' })}
          >
            {verb}
          </Button>
          <Button variant="default" onClick={onClose} data-autofocus>
            <Trans>Cancel</Trans>
          </Button>
        </div>
      </div>
    </Dialog>
  )
}
