/** What is needed seldom. */
import { Trans, useLingui } from '@lingui/react/macro'
import { useState } from 'react'
import { Icon } from '../kit/icon.tsx'
import { Menu, MenuGroup, MenuItem } from '../kit/menu.tsx'
import { applyTheme } from '../kit/theme.ts'
import { type Preferences, readPreferences, remember } from './preferences.ts'
import { useMeeting } from './use-meeting.ts'

export function MoreMenu({ openHelp }: { readonly openHelp: () => void }) {
  const { t } = useLingui()
  const meeting = useMeeting()
  const [theme, setTheme] = useState(() => readPreferences().theme)
  const choose = (next: Preferences['theme']) => {
    remember({ theme: next })
    applyTheme(next)
    setTheme(next)
  }
  return (
    <Menu
      label={t`More`}
      trigger={(props) => (
        <button type="button" className="control" aria-label={t`More`} data-control="more" {...props}>
          <Icon name="dots-vertical" />
        </button>
      )}
    >
      {navigator.clipboard && (
        <MenuItem icon="link" onSelect={() => void navigator.clipboard.writeText(meeting.link)}>
          <Trans>Copy link to this meeting</Trans>
        </MenuItem>
      )}
      <MenuItem icon="keyboard" onSelect={openHelp}>
        <Trans>Keyboard shortcuts</Trans>
      </MenuItem>
      <MenuGroup title={t`Appearance`}>
        <MenuItem icon="settings" isChosen={theme === 'system'} onSelect={() => choose('system')}>
          <Trans>As the system</Trans>
        </MenuItem>
        <MenuItem icon="moon" isChosen={theme === 'dark'} onSelect={() => choose('dark')}>
          <Trans>Dark</Trans>
        </MenuItem>
        <MenuItem icon="sun" isChosen={theme === 'light'} onSelect={() => choose('light')}>
          <Trans>Light</Trans>
        </MenuItem>
      </MenuGroup>
    </Menu>
  )
}
