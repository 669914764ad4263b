import { Icon } from './icon.tsx'

/** The mark and the name. */
export function Brand() {
  return (
    <span className="brand">
      <Icon name="bell" size={18} />
      Carillon
    </span>
  )
}
