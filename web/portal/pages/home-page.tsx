import { useLingui } from '@lingui/react/macro'
import { LiveDot } from '../kit/live-dot.tsx'
import { Page } from '../kit/page.tsx'
import { useSession } from '../session.tsx'

export function HomePage() {
  const { t } = useLingui()
  const { who } = useSession()
  return (
    <Page title={t`Home`} beside={<LiveDot />}>
      {who.account_name}
    </Page>
  )
}
