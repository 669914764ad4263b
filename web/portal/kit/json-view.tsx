/** JSON as it is, with its kinds of words in colours. Text only: nothing in it becomes markup. */
import { useLingui } from '@lingui/react/macro'
import { Fragment } from 'react'
import { CopyButton } from './copy-button.tsx'

const token = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

export function JsonView({ value, label }: { readonly value: unknown; readonly label: string }) {
  const { t } = useLingui()
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2)
  return (
    <div className="code-block">
      <CopyButton text={text} label={t`Copy`} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard */}
      <section aria-label={label} tabIndex={0}>
        <pre>{coloured(text)}</pre>
      </section>
    </div>
  )
}

function coloured(text: string) {
  const parts = []
  let at = 0
  for (const match of text.matchAll(token)) {
    if (match.index > at) parts.push(<Fragment key={at}>{text.slice(at, match.index)}</Fragment>)
    const kind = match[2] !== undefined ? 'json-name' : match[1] !== undefined ? 'json-text' : 'json-value'
    parts.push(
      <span key={match.index} className={kind}>
        {match[0]}
      </span>,
    )
    at = match.index + match[0].length
  }
  parts.push(<Fragment key={at}>{text.slice(at)}</Fragment>)
  return parts
}
