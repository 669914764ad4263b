/** After the meeting, whatever ended it: what happened, and what to do next. */
import { Trans, useLingui } from '@lingui/react/macro'
import { type ReactNode, useEffect, useRef } from 'react'
import { Brand } from '../kit/brand.tsx'
import { Button } from '../kit/button.tsx'
import { useMeetingState } from './use-meeting.ts'

export function EndingPage() {
  const { t } = useLingui()
  const ending = useMeetingState((state) => state.ending)
  const topic = useMeetingState((state) => state.info?.topic ?? '')
  const by = ending?.by ?? ''
  switch (ending?.reason) {
    case 'removed':
      return (
        <Ending title={by ? t`${by} removed you from the meeting` : t`You were removed from the meeting`}>
          <p className="soft">
            <Trans>If that was a mistake, ask the host to let you in again.</Trans>
          </p>
          <Actions />
        </Ending>
      )
    case 'ended':
      return (
        <Ending title={by ? t`${by} ended the meeting` : t`The meeting is over`}>
          <p className="soft">
            <Trans>Camera and microphone are off. You can close this page.</Trans>
          </p>
          <div className="row">
            <HomeLink />
          </div>
        </Ending>
      )
    case 'replaced':
      return (
        <Ending title={t`The meeting goes on in another tab`}>
          <p className="soft">
            <Trans>You joined there with the same place. Camera and microphone of this page are off.</Trans>
          </p>
          <Actions rejoin={t`Come back here`} />
        </Ending>
      )
    default:
      return (
        <Ending title={t`You left the meeting`}>
          <p className="soft">
            {topic && <>{topic}. </>}
            <Trans>Camera and microphone are off.</Trans>
          </p>
          <Actions />
        </Ending>
      )
  }
}

export function UnknownMeetingPage() {
  const { t } = useLingui()
  return (
    <Ending title={t`There is no meeting with this number`}>
      <p className="soft">
        <Trans>Compare the link with the invitation: a digit may be missing. A deleted meeting is gone too.</Trans>
      </p>
      <div className="row">
        <HomeLink look="primary" />
      </div>
    </Ending>
  )
}

function Ending({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [])
  return (
    <main className="centre">
      <div className="card">
        <Brand />
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {children}
      </div>
    </main>
  )
}

function Actions({ rejoin }: { readonly rejoin?: string }) {
  const { t } = useLingui()
  return (
    <div className="row">
      {/* Everything anew: nothing of the visit before is left over. */}
      <Button look="primary" onClick={() => location.reload()}>
        {rejoin ?? t`Rejoin`}
      </Button>
      <HomeLink />
    </div>
  )
}

function HomeLink({ look = 'quiet' }: { readonly look?: 'quiet' | 'primary' }) {
  return (
    <a className={`button ${look}`} href="/">
      <Trans>Join another meeting</Trans>
    </a>
  )
}
