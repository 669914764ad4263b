/** Which of its faces the meeting page shows: the door, the room, or the end. */
import { I18nProvider } from '@lingui/react'
import { useEffect } from 'react'
import { createRoot } from 'react-dom/client'
import { i18n } from '../locales/activate.ts'
import { EndingPage, UnknownMeetingPage } from './ending-page.tsx'
import type { Meeting } from './meeting.ts'
import { PreJoinPage } from './pre-join-page.tsx'
import { Room } from './room.tsx'
import { MeetingContext, useMeeting, useMeetingState } from './use-meeting.ts'

export function showMeeting(meeting: Meeting): void {
  const root = document.getElementById('root')
  if (!root) throw new Error('the page has no root')
  createRoot(root).render(
    <I18nProvider i18n={i18n}>
      <MeetingContext value={meeting}>
        <MeetingPage />
      </MeetingContext>
    </I18nProvider>,
  )
}

function MeetingPage() {
  const meeting = useMeeting()
  const phase = useMeetingState((state) => state.phase)
  const refusal = useMeetingState((state) => state.refusal)
  const topic = useMeetingState((state) => state.info?.topic)
  useEffect(() => {
    document.title = topic ? `${topic} · Carillon` : 'Carillon'
  }, [topic])
  if (phase === 'inside') return <Room />
  // Whoever comes straight in is not shown the door for the moment that it takes.
  if (meeting.isJoinIntended && refusal === null && phase !== 'over') return <main className="door" aria-busy="true" />
  if (refusal === 'not_found') return <UnknownMeetingPage />
  if (phase === 'over') return <EndingPage />
  return <PreJoinPage />
}
