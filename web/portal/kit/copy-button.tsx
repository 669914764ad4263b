import { useLingui } from '@lingui/react/macro'
import { ActionIcon, Tooltip } from '@mantine/core'
import { useEffect, useState } from 'react'
import { Sign } from './sign.tsx'

const shownMs = 1_500

/** Copies, and says that it did. */
export function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const { t } = useLingui()
  const [isCopied, setCopied] = useState(false)
  useEffect(() => {
    if (!isCopied) return
    const timer = setTimeout(() => setCopied(false), shownMs)
    return () => clearTimeout(timer)
  }, [isCopied])
  return (
    <Tooltip label={isCopied ? t`Copied` : label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="sm"
        className="quiet-icon"
        aria-label={isCopied ? t`Copied` : label}
        onClick={(event) => {
          event.stopPropagation()
          void copyText(text).then(setCopied)
        }}
      >
        <Sign name={isCopied ? 'check' : 'copy'} size={14} />
      </ActionIcon>
    </Tooltip>
  )
}

/** NOTE: pages without TLS have no clipboard; a selection does it there. */
async function copyText(text: string): Promise<boolean> {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text)
    return true
  }
  const area = document.createElement('textarea')
  area.value = text
  document.body.append(area)
  area.select()
  const isDone = document.execCommand('copy')
  area.remove()
  return isDone
}
