/** One thing at a time, bottom left, for a few seconds. Coming and going is told in small meetings only. */
import { Trans } from '@lingui/react/macro'
import { useEffect } from 'react'
import { Button } from '../kit/button.tsx'
import type { Notice } from './meeting-state.ts'
import { useNoticeWords } from './notice-words.ts'
import { useMeeting, useMeetingState } from './use-meeting.ts'

const shownMs = 5_000
const smallMeeting = 5

export function Toasts({ openChat }: { readonly openChat: () => void }) {
  const meeting = useMeeting()
  const notices = useMeetingState((state) => state.notices)
  const others = useMeetingState((state) => state.others.size)
  const shown = notices.filter((one) => isShown(one, others + 1))
  // Somebody leaving does not take away the sentence about a microphone.
  const notice = shown.findLast((one) => !isRoutine(one)) ?? shown.at(-1)
  const words = useNoticeWords()
  const id = notice?.id
  useEffect(() => {
    if (id === undefined) return
    const timer = setTimeout(() => meeting.dismissNotice(id), shownMs)
    return () => clearTimeout(timer)
  }, [meeting, id])
  if (!notice) return null
  return (
    // Announced elsewhere, for readers who do not see it.
    <div className="toast" key={notice.id} data-toast={notice.kind}>
      <p>{words(notice)}</p>
      {notice.kind === 'chat' && (
        <Button
          look="quiet"
          onClick={() => {
            meeting.dismissNotice(notice.id)
            openChat()
          }}
        >
          <Trans>Open chat</Trans>
        </Button>
      )}
    </div>
  )
}

const isRoutine = ({ kind }: Notice) => kind === 'joined' || kind === 'left'

const isShown = (notice: Notice, people: number) => !isRoutine(notice) || people <= smallMeeting
