/** Me: small, never first, in a corner of my choice: dragged there, or moved with the arrow keys. */
import { useLingui } from '@lingui/react/macro'
import { type KeyboardEvent, type PointerEvent, useEffect, useRef, useState } from 'react'
import { Icon } from '../kit/icon.tsx'
import { Avatar } from './avatar.tsx'
import { useMeetingState } from './use-meeting.ts'

interface Corner {
  readonly x: 'left' | 'right'
  readonly y: 'top' | 'bottom'
}

export function SelfTile() {
  const { t } = useLingui()
  const self = useMeetingState((state) => state.self)
  const name = useMeetingState((state) => state.name)
  const { camera, microphone } = useMeetingState((state) => state.devices)
  const isSpeaking = useMeetingState((state) => self !== null && state.speakers.includes(self.id))
  const [corner, setCorner] = useState<Corner>({ x: 'right', y: 'bottom' })
  const drag = useDrag(setCorner)
  const track = camera.isOn ? camera.track : null
  const onKeyDown = ({ key }: KeyboardEvent) => {
    if (key === 'ArrowLeft' || key === 'ArrowRight') setCorner({ ...corner, x: key === 'ArrowLeft' ? 'left' : 'right' })
    if (key === 'ArrowUp' || key === 'ArrowDown') setCorner({ ...corner, y: key === 'ArrowUp' ? 'top' : 'bottom' })
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements: a button holds no video
    <div
      className={`self ${corner.x} ${corner.y} ${isSpeaking && microphone.isOn ? 'speaking' : ''}`}
      role="group"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move it
      tabIndex={0}
      aria-label={t`You. The arrow keys move this picture to another corner.`}
      data-self
      onKeyDown={onKeyDown}
      {...drag}
    >
      {track ? <SelfVideo track={track} /> : <Avatar name={self?.name ?? name} />}
      <p className="plate">
        {!microphone.isOn && <Icon name="microphone-off" size={14} />}
        <span className="plate-name">{t`You`}</span>
      </p>
    </div>
  )
}

function SelfVideo({ track }: { readonly track: MediaStreamTrack }) {
  const { t } = useLingui()
  const video = useRef<HTMLVideoElement>(null)
  useEffect(() => {
    if (video.current) video.current.srcObject = new MediaStream([track])
  }, [track])
  return <video ref={video} autoPlay muted playsInline tabIndex={-1} aria-label={t`Your picture`} />
}

/** It follows the pointer and, let go, lies in the nearest corner. */
function useDrag(settle: (corner: Corner) => void) {
  const start = useRef<{ x: number; y: number } | null>(null)
  return {
    onPointerDown: (event: PointerEvent<HTMLDivElement>) => {
      start.current = { x: event.clientX, y: event.clientY }
      event.currentTarget.setPointerCapture(event.pointerId)
    },
    onPointerMove: (event: PointerEvent<HTMLDivElement>) => {
      if (!start.current) return
      event.currentTarget.style.translate = `${event.clientX - start.current.x}px ${event.clientY - start.current.y}px`
    },
    onPointerUp: (event: PointerEvent<HTMLDivElement>) => {
      const tile = event.currentTarget
      if (!start.current) return
      start.current = null
      const around = tile.parentElement?.getBoundingClientRect()
      const here = tile.getBoundingClientRect()
      tile.style.translate = ''
      if (!around) return
      settle({
        x: here.left + here.width / 2 < around.left + around.width / 2 ? 'left' : 'right',
        y: here.top + here.height / 2 < around.top + around.height / 2 ? 'top' : 'bottom',
      })
    },
    onPointerCancel: (event: PointerEvent<HTMLDivElement>) => {
      start.current = null
      event.currentTarget.style.translate = ''
    },
  }
}
