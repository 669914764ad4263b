/** What a row opens, beside its list or over it on a phone, at an address of its own. Escape goes back to the row. */
import { useLingui } from '@lingui/react/macro'
import { ActionIcon } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useEffect, useRef } from 'react'
import { Sign } from './sign.tsx'

interface PanelProps {
  readonly title: ReactNode
  /** The list. */
  readonly back: string
  /** Of the row that has the focus afterwards. */
  readonly rowId?: string
  readonly actions?: ReactNode
  readonly children: ReactNode
}

export function Panel({ title, back, rowId, actions, children }: PanelProps) {
  const { t } = useLingui()
  const heading = useRef<HTMLHeadingElement>(null)
  const close = useClose(back, rowId)
  // Another row is another panel.
  useEffect(() => heading.current?.focus({ preventScroll: true }), [rowId])
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented) return
      // A dialog or a menu over it closes first.
      if ([...document.querySelectorAll('[role=dialog], [role=menu], [role=listbox]')].some(isSeen)) return
      close()
    }
    document.addEventListener('keydown', pressed)
    return () => document.removeEventListener('keydown', pressed)
  }, [close])
  return (
    <aside className="panel" aria-labelledby="panel-title">
      <header className="panel-head">
        <h2 id="panel-title" ref={heading} tabIndex={-1}>
          {title}
        </h2>
        <div className="panel-actions">{actions}</div>
        <ActionIcon variant="subtle" color="gray" className="quiet-icon" aria-label={t`Close`} onClick={close}>
          <Sign name="x" />
        </ActionIcon>
      </header>
      <div className="panel-body">{children}</div>
    </aside>
  )
}

/** Mantine keeps what was open once, without showing it. */
const isSeen = (element: Element) => element.checkVisibility()

function useClose(back: string, rowId: string | undefined): () => void {
  const navigate = useNavigate()
  const latest = useRef(() => {})
  latest.current = () => {
    void navigate({ to: back as '/', search: (search) => search }).then(() => {
      const row = rowId && document.querySelector<HTMLElement>(`a[data-row="${CSS.escape(rowId)}"]`)
      if (row) row.focus()
    })
  }
  return useRef(() => latest.current()).current
}
