/** Calls somebody: one’s own phone rings first, and when it is taken, theirs does. For whoever may place calls. */
import { Trans, useLingui } from '@lingui/react/macro'
import { ActionIcon, Button, Tooltip } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Sign } from '../kit/sign.tsx'
import { useSession } from '../session.tsx'
import { CallDialog, type Callee } from './call-dialog.tsx'

export const useMayCall = (): boolean => useSession().who.scopes.includes('calls:control')

/** `isSmall`: in a row. */
export function CallButton({ callee, isSmall }: { readonly callee: Callee; readonly isSmall?: boolean }) {
  const { t } = useLingui()
  const [isOpen, dialog] = useDisclosure(false)
  if (!useMayCall()) return null
  const words = t`Call ${callee.name}`
  return (
    <>
      {isSmall ? (
        <Tooltip label={words}>
          <ActionIcon variant="subtle" color="gray" className="quiet-icon" aria-label={words} onClick={dialog.open}>
            <Sign name="handset" size={16} />
          </ActionIcon>
        </Tooltip>
      ) : (
        <Button variant="default" size="xs" leftSection={<Sign name="handset" size={14} />} onClick={dialog.open}>
          <Trans>Call</Trans>
        </Button>
      )}
      {isOpen && <CallDialog callee={callee} onClose={dialog.close} />}
    </>
  )
}

/** Calls any number. */
export function DialButton() {
  const [isOpen, dialog] = useDisclosure(false)
  if (!useMayCall()) return null
  return (
    <>
      <Button leftSection={<Sign name="handset" size={16} />} onClick={dialog.open}>
        <Trans>Call</Trans>
      </Button>
      {isOpen && <CallDialog callee={null} onClose={dialog.close} />}
    </>
  )
}
