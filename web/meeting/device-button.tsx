/** Microphone or camera: what it is now, by shape and by name; a click turns it; beside it the choice of device. */
import { useLingui } from '@lingui/react/macro'
import { IconButton } from '../kit/button.tsx'
import { DeviceMenu } from './device-menu.tsx'
import type { DeviceKind } from './devices.ts'
import { modifier } from './shortcuts.ts'
import { useMeeting, useMeetingState } from './use-meeting.ts'

export function DeviceButton({ kind }: { readonly kind: DeviceKind }) {
  const { t } = useLingui()
  const meeting = useMeeting()
  const { isOn, problem } = useMeetingState((state) => state.devices[kind])
  const isMicrophone = kind === 'microphone'
  const name = isMicrophone ? (isOn ? t`Microphone, on` : t`Microphone, off`) : isOn ? t`Camera, on` : t`Camera, off`
  const icon = isMicrophone ? (isOn ? 'microphone' : 'microphone-off') : isOn ? 'video' : 'video-off'
  return (
    <span className={`device ${isOn ? '' : 'off'}`} data-control={kind}>
      <IconButton
        className="control"
        icon={icon}
        label={name}
        aria-pressed={isOn}
        shortcut={isMicrophone ? `${modifier}D` : `${modifier}E`}
        onClick={() => meeting.toggle(kind)}
      >
        {problem && <span className="badge fault">!</span>}
      </IconButton>
      <DeviceMenu kind={kind} />
    </span>
  )
}
