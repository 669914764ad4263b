/** A button that is words, and one that is an icon whose words are its name and its tooltip. */
import type { ButtonHTMLAttributes, ReactNode } from 'react'
import { Icon, type IconName } from './icon.tsx'

type Native = ButtonHTMLAttributes<HTMLButtonElement>

interface ButtonProps extends Native {
  readonly look?: 'primary' | 'danger' | 'quiet' | 'plain'
  readonly isWide?: boolean
  readonly icon?: IconName
}

export function Button({ look = 'plain', isWide, icon, children, className = '', ...native }: ButtonProps) {
  return (
    <button type="button" className={`button ${look} ${isWide ? 'wide' : ''} ${className}`} {...native}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  )
}

interface IconButtonProps extends Native {
  readonly icon: IconName
  readonly label: string
  readonly shortcut?: string
  /** Which edge of the button its tooltip keeps to, near an edge of the window. */
  readonly side?: 'centre' | 'start' | 'end'
  readonly children?: ReactNode
}

export function IconButton({
  icon,
  label,
  shortcut,
  side = 'centre',
  children,
  className,
  ...native
}: IconButtonProps) {
  return (
    <span className={`tip tip-${side}`}>
      <button type="button" aria-label={label} className={className ?? 'button quiet square'} {...native}>
        <Icon name={icon} />
        {children}
      </button>
      <span className="tip-text" aria-hidden="true">
        {label}
        {shortcut && <kbd>{shortcut}</kbd>}
      </span>
    </span>
  )
}
