/** Light, dark or what the system says, as it was chosen for the portal. Light unless something else was. */
import type { MantineColorScheme, MantineColorSchemeManager } from '@mantine/core'
import { applyTheme } from '../kit/theme.ts'

const stored = 'carillon.portal.theme'

/** The tokens follow the same attribute as the meeting page's. */
export const themeManager: MantineColorSchemeManager = {
  get: () => read() ?? 'light',
  set(value) {
    localStorage.setItem(stored, value)
    apply(value)
  },
  subscribe(onUpdate) {
    // For as long as the page lives: there is one provider.
    window.addEventListener('storage', ({ key, newValue }) => {
      const value = asScheme(newValue)
      if (key !== stored || value === null) return
      apply(value)
      onUpdate(value)
    })
  },
  unsubscribe() {},
  clear: () => localStorage.removeItem(stored),
}

export const applyStoredTheme = (): void => apply(read() ?? 'light')

const read = () => asScheme(localStorage.getItem(stored))
const asScheme = (value: string | null): MantineColorScheme | null =>
  value === 'light' || value === 'dark' || value === 'auto' ? value : null
const apply = (value: MantineColorScheme) => applyTheme(value === 'auto' ? 'system' : value)
