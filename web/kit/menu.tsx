/**
 * A menu on a button (WAI-ARIA menu button pattern): arrows move, Escape and a click elsewhere close it, and the focus
 * returns to the button. It lies in the top layer, so nothing clips it.
 */
import {
  type KeyboardEvent,
  type ReactNode,
  type RefObject,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
} from 'react'
import { Icon, type IconName } from './icon.tsx'

interface MenuTrigger {
  readonly ref: RefObject<HTMLButtonElement | null>
  readonly onClick: () => void
  readonly 'aria-haspopup': 'menu'
  readonly 'aria-expanded': boolean
  readonly 'aria-controls': string | undefined
}

interface MenuProps {
  readonly label: string
  readonly trigger: (props: MenuTrigger) => ReactNode
  readonly children: ReactNode
}

const margin = 8

export function Menu({ label, trigger, children }: MenuProps) {
  const [isOpen, setOpen] = useState(false)
  const id = useId()
  const button = useRef<HTMLButtonElement>(null)
  const close = (returnsFocus: boolean) => {
    setOpen(false)
    if (returnsFocus) button.current?.focus()
  }
  return (
    <>
      {trigger({
        ref: button,
        onClick: () => setOpen(!isOpen),
        'aria-haspopup': 'menu',
        'aria-expanded': isOpen,
        'aria-controls': isOpen ? id : undefined,
      })}
      {isOpen && (
        <MenuBody id={id} label={label} anchor={button} onClose={close}>
          {children}
        </MenuBody>
      )}
    </>
  )
}

interface BodyProps {
  readonly id: string
  readonly label: string
  readonly anchor: RefObject<HTMLButtonElement | null>
  readonly onClose: (returnsFocus: boolean) => void
  readonly children: ReactNode
}

function MenuBody({ id, label, anchor, onClose, children }: BodyProps) {
  const body = useRef<HTMLDivElement>(null)
  const closeLater = useRef(onClose)
  closeLater.current = onClose
  useLayoutEffect(() => {
    const menu = body.current
    if (!menu) return
    menu.showPopover()
    place(menu, anchor.current)
    itemsOf(menu)[0]?.focus()
  }, [anchor])
  useEffect(() => {
    const outside = (event: PointerEvent) => {
      const target = event.target as Node
      if (!body.current?.contains(target) && !anchor.current?.contains(target)) closeLater.current(false)
    }
    const resized = () => closeLater.current(false)
    document.addEventListener('pointerdown', outside)
    window.addEventListener('resize', resized)
    return () => {
      document.removeEventListener('pointerdown', outside)
      window.removeEventListener('resize', resized)
    }
  }, [anchor])
  const onKeyDown = (event: KeyboardEvent) => {
    if (body.current && move(event, itemsOf(body.current))) return event.preventDefault()
    if (event.key !== 'Escape' && event.key !== 'Tab') return
    event.preventDefault()
    event.stopPropagation()
    onClose(true)
  }
  return (
    <div
      ref={body}
      id={id}
      className="menu"
      role="menu"
      tabIndex={-1}
      aria-label={label}
      popover="manual"
      onKeyDown={onKeyDown}
      onClick={() => onClose(true)}
    >
      {children}
    </div>
  )
}

const itemsOf = (menu: HTMLElement) => [...menu.querySelectorAll<HTMLElement>('[role^=menuitem]:not(:disabled)')]

function move({ key }: KeyboardEvent, items: HTMLElement[]): boolean {
  const at = items.findIndex((item) => item.matches(':focus'))
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[key]
  if (to === undefined) return false
  items.at(to % items.length)?.focus()
  return true
}

/** Above the button where there is room, else below; never beyond the window. */
function place(menu: HTMLElement, anchor: HTMLElement | null): void {
  const from = anchor?.getBoundingClientRect()
  if (!from) return
  const { width, height } = menu.getBoundingClientRect()
  const left = Math.min(Math.max(margin, from.left + from.width / 2 - width / 2), window.innerWidth - width - margin)
  const above = from.top - height - margin
  menu.style.left = `${left}px`
  menu.style.top = `${above >= margin ? above : Math.min(from.bottom + margin, window.innerHeight - height - margin)}px`
}

interface ItemProps {
  readonly icon?: IconName
  /** Of several, the one that holds. */
  readonly isChosen?: boolean
  readonly look?: 'danger'
  readonly onSelect: () => void
  readonly children: ReactNode
}

export function MenuItem({ icon, isChosen, look, onSelect, children }: ItemProps) {
  const role = isChosen === undefined ? { role: 'menuitem' } : { role: 'menuitemradio', 'aria-checked': isChosen }
  return (
    <button type="button" className={`menu-item ${look ?? ''}`} tabIndex={-1} onClick={onSelect} {...role}>
      {icon && <Icon name={icon} />}
      <span>{children}</span>
      {isChosen && <Icon name="check" size={16} />}
    </button>
  )
}

/** A named group of items. */
export function MenuGroup({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  const id = useId()
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is no child of a menu
    <div role="group" aria-labelledby={id}>
      <div id={id} className="menu-title" role="presentation">
        {title}
      </div>
      {children}
    </div>
  )
}
