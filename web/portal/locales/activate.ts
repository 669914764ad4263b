/** The portal's words, apart from the meeting's so that its page stays small. */
import { i18n } from '@lingui/core'
import { localeOf } from '../../locales/activate.ts'

const catalogues = {
  de: () => import('./de.po'),
  en: () => import('./en.po'),
  fr: () => import('./fr.po'),
  nl: () => import('./nl.po'),
}

export type Locale = keyof typeof catalogues

/** As people write them themselves. */
export const localeNames: Readonly<Record<Locale, string>> = {
  de: 'Deutsch',
  en: 'English',
  fr: 'Français',
  nl: 'Nederlands',
}

const stored = 'carillon.language'

/** The chosen language, else the browser's. */
export const wishedLocale = (): Locale =>
  localeOf([new URLSearchParams(location.search).get('culture'), localStorage.getItem(stored), ...navigator.languages])

export async function activate(locale: Locale): Promise<void> {
  const { messages } = await catalogues[locale]()
  i18n.loadAndActivate({ locale, messages })
  document.documentElement.lang = locale
}

export async function chooseLocale(locale: Locale): Promise<void> {
  localStorage.setItem(stored, locale)
  await activate(locale)
}

export { i18n, localeOf }
