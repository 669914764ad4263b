/** A panel beside the people, or over them on a narrow window. It takes the focus when it opens; Escape closes it. */
import { useLingui } from '@lingui/react/macro'
import { type ReactNode, useEffect, useRef } from 'react'
import { IconButton } from '../kit/button.tsx'

interface PanelProps {
  readonly title: string
  readonly onClose: () => void
  readonly children: ReactNode
}

export function Panel({ title, onClose, children }: PanelProps) {
  const { t } = useLingui()
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    // A panel whose first thing to do is a field puts the focus there itself.
    if (!heading.current?.closest('aside')?.contains(document.activeElement)) heading.current?.focus()
  }, [])
  return (
    <aside className="panel" aria-label={title} onKeyDown={(event) => event.key === 'Escape' && onClose()}>
      <header>
        <h2 ref={heading} tabIndex={-1}>
          {title}
        </h2>
        <IconButton icon="x" label={t`Close panel`} side="end" onClick={onClose} />
      </header>
      {children}
    </aside>
  )
}
