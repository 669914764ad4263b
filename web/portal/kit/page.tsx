/** A page of the portal: its title, whether it is live, what one can do, and the page. */
import { Trans } from '@lingui/react/macro'
import { type ReactNode, useEffect } from 'react'

interface PageProps {
  readonly title: string
  readonly beside?: ReactNode
  readonly actions?: ReactNode
  readonly children: ReactNode
}

export function Page({ title, beside, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Carillon`
  }, [title])
  return (
    <div className="page">
      <header className="page-head">
        <h1>{title}</h1>
        {beside}
        <div className="page-actions">{actions}</div>
      </header>
      {children}
    </div>
  )
}

interface EmptyProps {
  readonly children: ReactNode
  readonly action?: ReactNode
  /** Where to read more. */
  readonly guide?: string
}

/** One sentence on what would be here, one button, one link. */
export function Empty({ children, action, guide }: EmptyProps) {
  return (
    <div className="empty">
      <p>{children}</p>
      <div className="row">
        {action}
        {guide && (
          <a href={guide}>
            <Trans>Read how it works</Trans>
          </a>
        )}
      </div>
    </div>
  )
}
