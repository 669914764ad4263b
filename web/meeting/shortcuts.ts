/** Keys that work anywhere in the room (WCAG 2.1.4: those of one letter can be switched off). */
import { useEffect, useRef } from 'react'
import { readPreferences } from './preferences.ts'

export type Command = 'microphone' | 'camera' | 'hand' | 'chat' | 'people' | 'share' | 'help'

const isApple = /Mac|iPhone|iPad/.test(navigator.userAgent)
/** As it stands before a letter. */
export const modifier = isApple ? '⌘' : 'Ctrl+'

const letters: Readonly<Record<string, Command>> = {
  m: 'microphone',
  v: 'camera',
  r: 'hand',
  c: 'chat',
  p: 'people',
  s: 'share',
  '?': 'help',
}

function commandOf(event: KeyboardEvent, hasLetters: boolean): Command | null {
  const key = event.key.toLowerCase()
  const isModified = isApple ? event.metaKey : event.ctrlKey
  if (isModified && !event.altKey && !event.shiftKey) return { d: 'microphone', e: 'camera' }[key] as Command | null
  if (event.ctrlKey && event.altKey && key === 'h') return 'hand'
  if (event.ctrlKey || event.metaKey || event.altKey || !hasLetters || isTyping(event.target)) return null
  return letters[key] ?? null
}

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement && target.closest('input, textarea, select, [role=menu], dialog') !== null

/** A held space bar presses buttons too: then it is not for talking. */
const isPressable = (target: EventTarget | null) =>
  target instanceof HTMLElement && target.closest('button, a') !== null

export function useShortcuts(run: (command: Command) => void, talk: (isHeld: boolean) => void): void {
  const latest = useRef({ run, talk })
  latest.current = { run, talk }
  useEffect(() => {
    let isHeld = false
    const down = (event: KeyboardEvent) => {
      const { hasLetterShortcuts } = readPreferences()
      const command = commandOf(event, hasLetterShortcuts)
      if (command) {
        event.preventDefault()
        if (!event.repeat) latest.current.run(command)
      } else if (event.key === ' ' && hasLetterShortcuts && !isTyping(event.target) && !isPressable(event.target)) {
        event.preventDefault()
        if (!isHeld) latest.current.talk(true)
        isHeld = true
      }
    }
    const up = (event: KeyboardEvent | Event) => {
      if (!isHeld || (event instanceof KeyboardEvent && event.key !== ' ')) return
      isHeld = false
      latest.current.talk(false)
    }
    document.addEventListener('keydown', down)
    document.addEventListener('keyup', up)
    window.addEventListener('blur', up)
    return () => {
      document.removeEventListener('keydown', down)
      document.removeEventListener('keyup', up)
      window.removeEventListener('blur', up)
    }
  }, [])
}
