/** How I look and sound before anybody sees it. */
import { Trans, useLingui } from '@lingui/react/macro'
import { useEffect, useRef } from 'react'
import { Button } from '../kit/button.tsx'
import { Icon } from '../kit/icon.tsx'
import { Avatar } from './avatar.tsx'
import { DeviceButton } from './device-button.tsx'
import type { DeviceKind, DeviceProblem } from './devices.ts'
import { LevelMeter } from './level-meter.tsx'
import { useMeeting, useMeetingState } from './use-meeting.ts'
import { useDeviceWords } from './words.ts'

export function Preview() {
  const { t } = useLingui()
  const meeting = useMeeting()
  const { camera, microphone } = useMeetingState((state) => state.devices)
  const name = useMeetingState((state) => state.name)
  return (
    <section className="preview" aria-label={t`Camera and microphone`}>
      <div className="preview-picture">
        <Picture track={camera.isOn ? camera.track : null} name={name} isStarting={camera.isStarting} />
        <Problems camera={meeting.hasCamera ? camera.problem : null} microphone={microphone.problem} />
        <div className="preview-controls">
          <DeviceButton kind="microphone" />
          {meeting.hasCamera && <DeviceButton kind="camera" />}
        </div>
      </div>
      <div className="preview-level">
        <Icon name={microphone.isOn ? 'microphone' : 'microphone-off'} size={16} />
        <LevelMeter track={microphone.isOn ? microphone.track : null} label={t`Level of the microphone`} />
        <span className="soft">
          {microphone.isOn && microphone.track ? (
            <Trans>Say something: the bars move.</Trans>
          ) : (
            <Trans>The microphone is off.</Trans>
          )}
        </span>
      </div>
    </section>
  )
}

interface PictureProps {
  readonly track: MediaStreamTrack | null
  readonly name: string
  readonly isStarting: boolean
}

function Picture({ track, name, isStarting }: PictureProps) {
  const { t } = useLingui()
  const video = useRef<HTMLVideoElement>(null)
  useEffect(() => {
    if (video.current) video.current.srcObject = track && new MediaStream([track])
  }, [track])
  if (track) return <video ref={video} autoPlay muted playsInline aria-label={t`How the others will see you`} />
  return (
    <div className="preview-empty">
      {name && <Avatar name={name} />}
      <p>{isStarting ? <Trans>The camera starts.</Trans> : <Trans>The camera is off.</Trans>}</p>
    </div>
  )
}

interface ProblemsProps {
  readonly camera: DeviceProblem | null
  readonly microphone: DeviceProblem | null
}

/** One sentence and the one thing to do. Joining works all the same. */
function Problems({ camera, microphone }: ProblemsProps) {
  const meeting = useMeeting()
  const words = useDeviceWords()
  const kind: DeviceKind | null = camera ? 'camera' : microphone ? 'microphone' : null
  const problem = camera ?? microphone
  if (!kind || !problem) return null
  const isBoth = camera !== null && camera === microphone
  return (
    <div className="preview-problem" role="status">
      <Icon name="alert-triangle" />
      <p>
        {isBoth && problem === 'missing' ? (
          <Trans>No camera and no microphone were found.</Trans>
        ) : (
          words(kind, problem)
        )}{' '}
        <Trans>You can join without.</Trans>
      </p>
      {problem !== 'insecure' && (
        <Button
          onClick={() => void meeting.devices.start({ camera: camera !== null, microphone: microphone !== null })}
        >
          <Trans>Try again</Trans>
        </Button>
      )}
    </div>
  )
}
