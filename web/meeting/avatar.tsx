/** Somebody without a picture: initials on a colour that is always the same for a name, or a handset. */
import { Icon } from '../kit/icon.tsx'

interface AvatarProps {
  readonly name: string
  readonly isSmall?: boolean
  readonly isPhone?: boolean
}

export function Avatar({ name, isSmall = false, isPhone = false }: AvatarProps) {
  return (
    <span className={`avatar ${isSmall ? 'small' : ''}`} style={{ '--hue': hueOf(name) } as object} aria-hidden="true">
      {isPhone ? <Icon name="phone" size={isSmall ? 16 : 40} /> : initialsOf(name)}
    </span>
  )
}

function initialsOf(name: string): string {
  const words = name.split(/[\s-]+/).filter(Boolean)
  const first = (word: string | undefined) => (word ? (Array.from(word)[0] ?? '') : '')
  return (first(words[0]) + (words.length > 1 ? first(words.at(-1)) : '')).toUpperCase()
}

function hueOf(name: string): number {
  let hash = 0
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 360
  return hash
}
