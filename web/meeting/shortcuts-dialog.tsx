import { Trans, useLingui } from '@lingui/react/macro'
import { useState } from 'react'
import { Dialog } from '../kit/dialog.tsx'
import { readPreferences, remember } from './preferences.ts'
import { modifier } from './shortcuts.ts'

export function ShortcutsDialog({ onClose }: { readonly onClose: () => void }) {
  const { t } = useLingui()
  const [hasLetters, setLetters] = useState(() => readPreferences().hasLetterShortcuts)
  const rows: readonly (readonly [string, readonly string[]])[] = [
    [t`Microphone on or off`, [`${modifier}D`, 'M']],
    [t`Camera on or off`, [`${modifier}E`, 'V']],
    [t`Speak while held`, [t`Space`]],
    [t`Raise or lower your hand`, ['Ctrl+Alt+H', 'R']],
    [t`Share your screen`, ['S']],
    [t`People`, ['P']],
    [t`Chat`, ['C']],
    [t`These shortcuts`, ['?']],
  ]
  return (
    <Dialog title={t`Keyboard shortcuts`} closeLabel={t`Close`} onClose={onClose}>
      <dl className="shortcuts">
        {rows.map(([name, keys]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
      <label className="check">
        <input
          type="checkbox"
          checked={hasLetters}
          onChange={({ target }) => {
            setLetters(target.checked)
            remember({ hasLetterShortcuts: target.checked })
          }}
        />
        <Trans>Use shortcuts of a single key</Trans>
      </label>
    </Dialog>
  )
}
