import { useLingui } from '@lingui/react/macro'
import type { ReactNode } from 'react'

/** The contract's words in the reader's language; `code` in them is code here too. Catalogues have them by their English. */
export function useContractWords(): (english: string) => ReactNode {
  const { i18n } = useLingui()
  return (english) => withCode(english === '' ? '' : i18n._(english))
}

function withCode(text: string): ReactNode {
  return text.split('`').map((part, index) => (index % 2 === 1 ? <code key={`${index}${part}`}>{part}</code> : part))
}
