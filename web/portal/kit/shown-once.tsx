/** A secret that is seen this once: to be copied now. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { CopyButton } from './copy-button.tsx'
import { Dialog } from './dialog.tsx'

interface ShownOnceProps {
  readonly title: string
  readonly secret: string
  readonly onClose: () => void
  readonly children?: ReactNode
}

export function ShownOnce({ title, secret, onClose, children }: ShownOnceProps) {
  const { t } = useLingui()
  return (
    <Dialog onClose={onClose} title={title} isKept size="lg">
      <div className="form-group">
        <p>
          <Trans>Copy it now: it is not shown again.</Trans>
        </p>
        <div className="secret">
          <code>{secret}</code>
          <CopyButton text={secret} label={t`Copy`} />
        </div>
        {children}
        <div className="form-actions">
          <Button onClick={onClose}>
            <Trans>I have it</Trans>
          </Button>
        </div>
      </div>
    </Dialog>
  )
}
