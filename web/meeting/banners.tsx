/** What is wrong now, in words, with what was done about it; one line at the top of the people. */
import { Trans } from '@lingui/react/macro'
import { Button } from '../kit/button.tsx'
import { Icon } from '../kit/icon.tsx'
import type { Quality } from './meeting-state.ts'
import { useMeeting, useMeetingState } from './use-meeting.ts'
import { formatDuration, useNow } from './use-now.ts'

const patienceMs = 2_500

export function Banners() {
  const meeting = useMeeting()
  const isSoundBlocked = useMeetingState((state) => state.isSoundBlocked)
  const isSharing = useMeetingState((state) => state.screen !== null)
  return (
    <div className="banners">
      {isSoundBlocked && (
        <Button look="primary" icon="volume" onClick={() => meeting.hear()}>
          <Trans>Click to hear</Trans>
        </Button>
      )}
      <Connection />
      {isSharing && (
        <div className="banner">
          <Icon name="screen-share" size={18} />
          <span>
            <Trans>Everybody sees your screen</Trans>
          </span>
          <Button onClick={() => void meeting.stopShare()}>
            <Trans>Stop sharing</Trans>
          </Button>
        </div>
      )}
    </div>
  )
}

function Connection() {
  const lostAt = useMeetingState((state) => state.lostAt)
  const hasMedia = useMeetingState((state) => state.hasMedia)
  const joinedAt = useMeetingState((state) => state.self?.joinedAt ?? '')
  const quality = useMeetingState((state) => state.quality)
  const now = useNow(1_000)
  if (lostAt !== null) {
    const since = formatDuration(now - lostAt)
    return (
      <p className="banner waiting" role="status">
        <span className="dot" />
        <Trans>
          Reconnecting since <span className="numbers">{since}</span>. Your place is kept.
        </Trans>
      </p>
    )
  }
  if (!hasMedia && now - Date.parse(joinedAt) > patienceMs) {
    return (
      <p className="banner waiting" role="status">
        <span className="dot" />
        <Trans>Sound and video are being connected again.</Trans>
      </p>
    )
  }
  return quality && quality.level !== 'good' ? <Weak quality={quality} /> : null
}

const noticeableLoss = 0.04

function Weak({ quality }: { readonly quality: Quality }) {
  const isPaused = quality.pausedVideos.length > 0
  if (quality.level === 'fair' && !isPaused) return null // nobody sees or hears it yet
  return (
    <p className="banner waiting" role="status">
      <Icon name="alert-triangle" size={18} />
      {isPaused && quality.isServerBusy ? (
        <Trans>The server is busy: some video of others is paused, sound goes on.</Trans>
      ) : isPaused ? (
        <Trans>Your connection is weak: some video of others is paused, sound goes on.</Trans>
      ) : quality.uplinkLoss > noticeableLoss && quality.uplinkLoss >= quality.downlinkLoss ? (
        <Trans>Your connection is weak: others may miss some of what you say.</Trans>
      ) : (
        <Trans>Your connection is weak: video of others is smaller, sound goes first.</Trans>
      )}
    </p>
  )
}
