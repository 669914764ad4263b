/** The small half of a split button: which device. */
import { useLingui } from '@lingui/react/macro'
import { useState } from 'react'
import { Icon } from '../kit/icon.tsx'
import { Menu, MenuGroup, MenuItem } from '../kit/menu.tsx'
import { type DeviceKind, inputOf } from './devices.ts'
import { readPreferences } from './preferences.ts'
import { useMeeting, useMeetingState } from './use-meeting.ts'

export function DeviceMenu({ kind }: { readonly kind: DeviceKind }) {
  const { t } = useLingui()
  const meeting = useMeeting()
  const choices = useMeetingState((state) => state.devices.choices)
  const track = useMeetingState((state) => state.devices[kind].track)
  const inputs = choices.filter((one) => one.kind === inputOf(kind))
  const used = track?.getSettings().deviceId ?? inputs[0]?.deviceId
  const label = kind === 'microphone' ? t`Choose microphone and speaker` : t`Choose camera`
  return (
    <Menu
      label={label}
      trigger={(props) => (
        <button type="button" className="split" aria-label={label} {...props}>
          <Icon name="chevron-up" size={14} />
        </button>
      )}
    >
      <MenuGroup title={kind === 'microphone' ? t`Microphone` : t`Camera`}>
        {inputs.map(({ deviceId, label: name }) => (
          <MenuItem
            key={deviceId}
            isChosen={deviceId === used}
            onSelect={() => void meeting.devices.choose(kind, deviceId)}
          >
            {name}
          </MenuItem>
        ))}
        {inputs.length === 0 && (
          <MenuItem onSelect={() => void meeting.devices.switchOn(kind)}>{t`None found. Look again`}</MenuItem>
        )}
      </MenuGroup>
      {kind === 'microphone' && <Speakers />}
    </Menu>
  )
}

/** Only where the browser can send sound elsewhere than to the system's choice. */
function Speakers() {
  const { t } = useLingui()
  const meeting = useMeeting()
  const choices = useMeetingState((state) => state.devices.choices)
  const [chosen, setChosen] = useState(() => readPreferences().speakerId)
  const outputs = choices.filter((one) => one.kind === 'audiooutput')
  if (outputs.length === 0 || !('setSinkId' in HTMLMediaElement.prototype)) return null
  return (
    <MenuGroup title={t`Speaker`}>
      {outputs.map(({ deviceId, label }) => (
        <MenuItem
          key={deviceId}
          isChosen={deviceId === (chosen || outputs[0]?.deviceId)}
          onSelect={() => {
            setChosen(deviceId)
            meeting.setSpeaker(deviceId)
          }}
        >
          {label}
        </MenuItem>
      ))}
    </MenuGroup>
  )
}
