/** Choices that the browser knows, in the reader's words. */
import { useLingui } from '@lingui/react/macro'

interface Option {
  readonly value: string
  readonly label: string
}

/** Those that people can have, and the one that is set. */
export function useLanguages(set: string | undefined): readonly Option[] {
  const { i18n } = useLingui()
  const names = new Intl.DisplayNames(i18n.locale, { type: 'language' })
  const tags = new Set(['de', 'en', 'fr', 'nl', ...(set ? [set] : [])])
  return [...tags].map((value) => ({ value, label: names.of(value) ?? value }))
}

export function timeZones(set: string | undefined): readonly Option[] {
  const zones = new Set(['UTC', ...Intl.supportedValuesOf('timeZone'), ...(set ? [set] : [])])
  return [...zones].map((value) => ({ value, label: value.replaceAll('_', ' ') }))
}
