/** A dialog over the page: the focus is held in it, and goes back where it was. Its header is no banner of the page. */
import { useLingui } from '@lingui/react/macro'
import { Modal } from '@mantine/core'
import type { ReactNode } from 'react'

interface DialogProps {
  readonly title: ReactNode
  readonly size?: 'lg'
  /** A click beside it does nothing, nor does Escape: what it shows would be lost. */
  readonly isKept?: boolean
  readonly onClose: () => void
  readonly children: ReactNode
}

export function Dialog({ title, size, isKept = false, onClose, children }: DialogProps) {
  const { t } = useLingui()
  return (
    <Modal.Root
      opened
      onClose={onClose}
      closeOnClickOutside={!isKept}
      closeOnEscape={!isKept}
      centered
      {...(size && { size })}
    >
      <Modal.Overlay />
      <Modal.Content radius="lg">
        <Modal.Header role="none">
          <Modal.Title>{title}</Modal.Title>
          <Modal.CloseButton aria-label={t`Close`} />
        </Modal.Header>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  )
}
