/** Says what happens to whoever listens instead of looks: polite, the newest thing only. */
import { useLingui } from '@lingui/react/macro'
import { useNoticeWords } from './notice-words.ts'
import { useMeetingState } from './use-meeting.ts'

export function Announcer() {
  const { t } = useLingui()
  const notice = useMeetingState((state) => state.notices.at(-1))
  const isLost = useMeetingState((state) => state.lostAt !== null)
  const microphone = useMeetingState((state) => state.devices.microphone.isOn)
  const words = useNoticeWords()
  return (
    <>
      <p className="unseen" aria-live="polite">
        {notice && words(notice)}
      </p>
      <p className="unseen" aria-live="polite">
        {microphone ? t`Microphone on` : t`Microphone off`}
      </p>
      <p className="unseen" aria-live="assertive">
        {isLost && t`The connection is lost. Reconnecting.`}
      </p>
    </>
  )
}
