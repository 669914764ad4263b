/** Asks before something is gone, and spells what it is. */
import { Trans } from '@lingui/react/macro'
import { Button, Modal } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { Problem } from './problem.tsx'

interface ConfirmProps {
  readonly title: string
  /** The verb on the button. */
  readonly verb: string
  readonly isDanger?: boolean
  readonly onConfirm: () => Promise<unknown>
  readonly onClose: () => void
  readonly children: ReactNode
}

export function Confirm({ title, verb, isDanger, onConfirm, onClose, children }: ConfirmProps) {
  const [failure, setFailure] = useState<Error | null>(null)
  const [isBusy, setBusy] = useState(false)
  const confirm = async () => {
    setBusy(true)
    try {
      await onConfirm()
      onClose()
    } catch (error) {
      setFailure(error instanceof Error ? error : new Error(String(error)))
      setBusy(false)
    }
  }
  return (
    <Modal opened onClose={onClose} title={title}>
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
    </Modal>
  )
}
