/** What is written: to everybody, or to one person. */
import { Trans, useLingui } from '@lingui/react/macro'
import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from 'react'
import type { ChatMessage } from '../../contract/signalling.ts'
import { IconButton } from '../kit/button.tsx'
import { Icon } from '../kit/icon.tsx'
import { piecesOf } from './chat-links.ts'
import { Panel } from './panel.tsx'
import { useMeeting, useMeetingState } from './use-meeting.ts'

const longestMessage = 4_000

interface ChatPanelProps {
  /** Whom to write to at first; null is everybody. */
  readonly partner: string | null
  readonly onClose: () => void
}

export function ChatPanel({ partner, onClose }: ChatPanelProps) {
  const { t } = useLingui()
  return (
    <Panel title={t`Chat`} onClose={onClose}>
      <Messages />
      <Writer key={partner} partner={partner} />
    </Panel>
  )
}

function Messages() {
  const { t } = useLingui()
  const chat = useMeetingState((state) => state.chat)
  const list = useRef<HTMLDivElement>(null)
  const isAtEnd = useRef(true)
  useEffect(() => {
    // Whoever reads further up is left there.
    if (isAtEnd.current) list.current?.scrollTo({ top: list.current.scrollHeight })
  }, [chat])
  return (
    <div
      ref={list}
      className="panel-body"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      role="log"
      aria-label={t`Messages`}
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
        isAtEnd.current = scrollHeight - scrollTop - clientHeight < 40
      }}
    >
      {chat.length === 0 && (
        <p className="soft">
          <Trans>Nothing was written yet. Everybody in the meeting can read what you write here.</Trans>
        </p>
      )}
      {chat.map((message, index) => (
        <Message key={message.id} message={message} before={chat[index - 1]} />
      ))}
    </div>
  )
}

const togetherMs = 3 * 60_000

function Message({ message, before }: { readonly message: ChatMessage; readonly before: ChatMessage | undefined }) {
  const { t, i18n } = useLingui()
  const selfId = useMeetingState((state) => state.self?.id)
  const { from, to, text, sentAt } = message
  const isMine = from.id === selfId
  const isSame = before?.from.id === from.id && before.to?.id === to?.id
  const isTogether = isSame && Date.parse(sentAt) - Date.parse(before?.sentAt ?? '') < togetherMs
  const time = new Intl.DateTimeFormat(i18n.locale, { hour: 'numeric', minute: '2-digit' }).format(new Date(sentAt))
  const partner = to?.name ?? ''
  return (
    <div className={`message ${isMine ? 'mine' : ''} ${to ? 'private' : ''} ${isTogether ? 'together' : ''}`}>
      {!isTogether && (
        <p className="message-head">
          <strong>{isMine ? t`You` : from.name}</strong>
          {to && (
            <span className="message-private">
              <Icon name="lock" size={12} />
              {isMine ? t`to ${partner}` : t`to you only`}
            </span>
          )}
          <time className="numbers" dateTime={sentAt}>
            {time}
          </time>
        </p>
      )}
      <p className="message-text">
        {piecesOf(text).map(({ text: piece, href }, index) => {
          const key = `${index} ${piece}`
          if (href === null) return <span key={key}>{piece}</span>
          return (
            <a key={key} href={href} target="_blank" rel="noopener noreferrer">
              {piece}
            </a>
          )
        })}
      </p>
    </div>
  )
}

function Writer({ partner }: { readonly partner: string | null }) {
  const { t } = useLingui()
  const meeting = useMeeting()
  const others = useMeetingState((state) => state.others)
  const [to, setTo] = useState(partner ?? '')
  const [text, setText] = useState('')
  const field = useRef<HTMLTextAreaElement>(null)
  const isGone = to !== '' && !others.has(to)
  useEffect(() => field.current?.focus(), [])
  const send = async () => {
    const words = text.trim()
    if (words === '' || isGone) return
    setText('')
    if (!(await meeting.say(words, to || null))) setText(words)
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void send()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
    event.preventDefault()
    void send()
  }
  return (
    <form className={`writer ${to ? 'private' : ''}`} onSubmit={submit}>
      <label>
        <span className="soft">
          <Trans>To</Trans>
        </span>
        <select value={to} onChange={(event) => setTo(event.target.value)}>
          <option value="">{t`Everybody`}</option>
          {[...others.values()].flatMap(({ id, name, phone }) =>
            phone !== null ? (
              []
            ) : (
              <option key={id} value={id}>
                {name}
              </option>
            ),
          )}
          {isGone && <option value={to}>{t`somebody who left`}</option>}
        </select>
      </label>
      <div className="writer-row">
        <textarea
          ref={field}
          rows={2}
          maxLength={longestMessage}
          value={text}
          aria-label={t`Message`}
          placeholder={to ? t`Only this person reads it` : t`Write to everybody`}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <IconButton
          type="submit"
          className="button primary square"
          icon="send"
          label={t`Send`}
          side="end"
          shortcut="Enter"
          disabled={text.trim() === '' || isGone}
        />
      </div>
    </form>
  )
}
