/** Ctrl-K: every place and organisation by a few letters, and a number to call. A list that the field controls (WAI-ARIA combobox pattern). */
import { Trans, useLingui } from '@lingui/react/macro'
import { Modal } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { type KeyboardEvent, useEffect, useId, useState } from 'react'
import { useMayCall } from './calls/call-button.tsx'
import { Sign, type SignName } from './kit/sign.tsx'
import { useChildren } from './organisation-switcher.tsx'
import { usePlaces } from './places.ts'
import { useSession } from './session.tsx'
import { useSignOut } from './sign-out.ts'

interface Entry {
  readonly key: string
  readonly name: string
  readonly kind: string
  readonly sign: SignName
  readonly run: () => void
}

const shown = 12

interface PaletteProps {
  readonly onClose: () => void
  /** A number was typed, and is to be called. */
  readonly onCall: (number: string) => void
}

export function Palette({ onClose, onCall }: PaletteProps) {
  const { t } = useLingui()
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const entries = useFound(text, onCall)
  const id = useId()
  const choose = (entry: Entry | undefined) => {
    if (!entry) return
    onClose()
    entry.run()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: entries.length - 1 }[event.key]
    if (to !== undefined) setAt((to + entries.length) % Math.max(1, entries.length))
    else if (event.key === 'Enter') choose(entries[at])
    else return
    event.preventDefault()
  }
  useEffect(() => {
    document.getElementById(`${id}-${at}`)?.scrollIntoView({ block: 'nearest' })
  }, [id, at])
  return (
    <Modal opened onClose={onClose} withCloseButton={false} size={560} padding={0} yOffset="12vh" centered={false}>
      <div className="palette">
        <input
          className="palette-input"
          role="combobox"
          aria-expanded
          aria-controls={id}
          aria-activedescendant={entries[at] ? `${id}-${at}` : undefined}
          aria-label={t`Search and go to`}
          placeholder={t`Where to?`}
          data-autofocus
          value={text}
          onChange={({ currentTarget }) => {
            setText(currentTarget.value)
            setAt(0)
          }}
          onKeyDown={onKeyDown}
        />
        <div id={id} role="listbox" aria-label={t`Places`} className="palette-list">
          {entries.map((entry, index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the keys
            // biome-ignore lint/a11y/useFocusableInteractive: the field has the focus
            <div
              key={entry.key}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === at}
              className="palette-entry"
              onClick={() => choose(entry)}
              onPointerMove={() => setAt(index)}
            >
              <Sign name={entry.sign} />
              <span>{entry.name}</span>
              <small>{entry.kind}</small>
            </div>
          ))}
        </div>
        {entries.length === 0 && (
          <p className="palette-none soft">
            <Trans>Nothing is called so.</Trans>
          </p>
        )}
      </div>
    </Modal>
  )
}

const isNumber = /^[+\d*#][\d\s*#]+$/

function useFound(text: string, onCall: PaletteProps['onCall']): readonly Entry[] {
  const { t } = useLingui()
  const mayCall = useMayCall()
  const { homeId, who } = useSession()
  const navigate = useNavigate()
  const signOut = useSignOut()
  const places = usePlaces()
  const children = useChildren()
  const organisations = children.length > 0 ? [{ id: homeId, name: who.account_name }, ...children] : []
  const all: Entry[] = [
    ...places.map(({ to, name, sign }) => ({
      key: to,
      name,
      kind: t`page`,
      sign,
      run: () => void navigate({ to }),
    })),
    ...organisations.map(({ id, name }) => ({
      key: id,
      name,
      kind: t`organisation`,
      sign: 'people' as const,
      run: () => void navigate({ to: '/', search: { org: id === homeId ? undefined : id } }),
    })),
    { key: 'sign-out', name: t`Sign out`, kind: t`action`, sign: 'logout', run: () => void signOut() },
  ]
  const wanted = text.trim().toLowerCase()
  if (mayCall && isNumber.test(wanted)) {
    return [{ key: 'call', name: t`Call ${wanted}`, kind: t`action`, sign: 'handset', run: () => onCall(wanted) }]
  }
  return all.filter(({ name }) => name.toLowerCase().includes(wanted)).slice(0, shown)
}
