/** One person or one shared screen. The picture is the connection's own element, so it is there before the tile is. */
import { Trans, useLingui } from '@lingui/react/macro'
import { useLayoutEffect, useRef } from 'react'
import type { Participant } from '../../contract/signalling.ts'
import { Icon } from '../kit/icon.tsx'
import { Avatar } from './avatar.tsx'
import type { Box } from './layout.ts'
import { useMeetingState } from './use-meeting.ts'

interface TileProps {
  readonly participant: Participant
  readonly source: 'camera' | 'screen'
  readonly box: Box
}

export function Tile({ participant, source, box }: TileProps) {
  const { t } = useLingui()
  const { id, name } = participant
  const isScreen = source === 'screen'
  const isOn = isScreen ? participant.screen : participant.camera
  const isSpeaking = useMeetingState((state) => state.speakers.includes(id)) && !isScreen
  const isPaused = useMeetingState((state) => isPausedBy(state.quality, id, source))
  const isServerBusy = useMeetingState((state) => state.quality?.isServerBusy === true)
  const element = useMeetingState((state) => {
    return state.videos.find((one) => one.participantId === id && one.source === source)?.element ?? null
  })
  const video = isOn ? element : null
  const label = isScreen ? t`Screen of ${name}` : name
  const spoken = participant.phone === null ? label : t`${name}, by telephone`
  const { left, top, width, height } = box
  return (
    <article
      className={`tile ${source} ${isSpeaking ? 'speaking' : ''} ${height < 130 ? 'small' : ''}`}
      style={{ transform: `translate(${left}px, ${top}px)`, width, height }}
      aria-label={spoken}
      data-tile={name}
      data-source={source}
      data-has-video={video !== null}
    >
      <Picture element={video} />
      {!video && (
        <div className="tile-empty">
          <Avatar name={name} isPhone={participant.phone !== null} />
          {participant.phone !== null && participant.phone !== name && (
            <p className="tile-number" aria-hidden="true">
              {participant.phone}
            </p>
          )}
          {isPaused && (
            <p>
              {isServerBusy ? (
                <Trans>Paused: the server is busy</Trans>
              ) : (
                <Trans>Paused: your connection is weak</Trans>
              )}
            </p>
          )}
        </div>
      )}
      <p className="plate">
        {participant.handRaisedAt !== null && !isScreen && <Icon name="hand-stop" size={16} />}
        {!participant.microphone && !isScreen && (
          <span className="plate-mark">
            <Icon name="microphone-off" size={14} />
            <span className="unseen">{t`microphone off`}</span>
          </span>
        )}
        <span className="plate-name">{label}</span>
        {!participant.isConnected && (
          <span className="plate-lost">
            <Trans>reconnecting</Trans>
          </span>
        )}
      </p>
    </article>
  )
}

const isPausedBy = (
  quality: { readonly pausedVideos: readonly { participantId: string; source: string }[] } | null,
  id: string,
  source: string,
) => quality?.pausedVideos.some((one) => one.participantId === id && one.source === source) ?? false

function Picture({ element }: { readonly element: HTMLVideoElement | null }) {
  const frame = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    if (!element || !frame.current) return
    frame.current.append(element)
    // Moving an element pauses it; a picture without sound may always play.
    element.play().catch(() => {})
    return () => element.remove()
  }, [element])
  return <div ref={frame} className="picture" />
}
