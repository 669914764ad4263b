/** Who is here: raised hands first, in their order; a host can mute and remove. */
import { Trans, useLingui } from '@lingui/react/macro'
import { useState } from 'react'
import type { Participant } from '../../contract/signalling.ts'
import { Button } from '../kit/button.tsx'
import { Dialog } from '../kit/dialog.tsx'
import { Icon } from '../kit/icon.tsx'
import { Menu, MenuItem } from '../kit/menu.tsx'
import { Avatar } from './avatar.tsx'
import { Panel } from './panel.tsx'
import { useMeeting, useMeetingState } from './use-meeting.ts'

interface PeoplePanelProps {
  readonly onClose: () => void
  readonly onWrite: (participantId: string) => void
}

export function PeoplePanel({ onClose, onWrite }: PeoplePanelProps) {
  const { t } = useLingui()
  const meeting = useMeeting()
  const self = useMeetingState((state) => state.self)
  const others = useMeetingState((state) => state.others)
  const [removed, setRemoved] = useState<Participant | null>(null)
  const everybody = [...(self ? [self] : []), ...others.values()]
  const hands = everybody.filter((one) => one.handRaisedAt !== null).sort(byHand)
  const rest = everybody.filter((one) => one.handRaisedAt === null)
  const toRow = (one: Participant) => (
    <Person key={one.id} person={one} isSelf={one.id === self?.id} onWrite={onWrite} onRemove={() => setRemoved(one)} />
  )
  return (
    <Panel title={t`People`} onClose={onClose}>
      <div className="panel-body">
        {hands.length > 0 && (
          <>
            <h3>
              <Trans>Raised hands</Trans>
            </h3>
            <ol className="people">{hands.map(toRow)}</ol>
            {rest.length > 0 && (
              <h3>
                <Trans>Everybody else</Trans>
              </h3>
            )}
          </>
        )}
        <ul className="people">{rest.map(toRow)}</ul>
      </div>
      {removed && (
        <Dialog
          title={t`Remove ${removed.name}?`}
          closeLabel={t`Close`}
          onClose={() => setRemoved(null)}
          actions={
            <>
              <Button onClick={() => setRemoved(null)}>
                <Trans>Cancel</Trans>
              </Button>
              <Button
                look="danger"
                onClick={() => {
                  meeting.remove(removed.id)
                  setRemoved(null)
                }}
              >
                <Trans>Remove</Trans>
              </Button>
            </>
          }
        >
          <p>
            <Trans>They are told who removed them, and can ask to come back by the link.</Trans>
          </p>
        </Dialog>
      )}
    </Panel>
  )
}

const byHand = (a: Participant, b: Participant) => (a.handRaisedAt ?? '').localeCompare(b.handRaisedAt ?? '')

interface PersonProps {
  readonly person: Participant
  readonly isSelf: boolean
  readonly onWrite: (participantId: string) => void
  readonly onRemove: () => void
}

function Person({ person, isSelf, onWrite, onRemove }: PersonProps) {
  const { t } = useLingui()
  const meeting = useMeeting()
  const isHost = useMeetingState((state) => state.self?.role === 'host')
  const isSpeaking = useMeetingState((state) => state.speakers.includes(person.id))
  const { name } = person
  const isPhone = person.phone !== null
  const marks = [
    person.role === 'host' && t`host`,
    isSelf && t`you`,
    isPhone && t`by telephone`,
    !person.isConnected && t`reconnecting`,
  ].filter(Boolean)
  return (
    <li className="person" data-person={name}>
      <Avatar name={name} isSmall isPhone={isPhone} />
      <span className="person-name">
        {name}
        {marks.length > 0 && <small className="soft"> {marks.join(', ')}</small>}
      </span>
      {person.handRaisedAt !== null && (
        <span className="person-hand">
          <Icon name="hand-stop" size={18} />
          <span className="unseen">{t`hand raised`}</span>
        </span>
      )}
      <span className={`person-microphone ${isSpeaking ? 'speaking' : ''}`}>
        <Icon name={person.microphone ? 'microphone' : 'microphone-off'} size={18} />
        <span className="unseen">{person.microphone ? t`microphone on` : t`microphone off`}</span>
      </span>
      {!isSelf && ((meeting.hasChat && !isPhone) || isHost) && (
        <Menu
          label={t`For ${name}`}
          trigger={(props) => (
            <button type="button" className="button quiet square" aria-label={t`More for ${name}`} {...props}>
              <Icon name="dots-vertical" size={18} />
            </button>
          )}
        >
          {meeting.hasChat && !isPhone && (
            <MenuItem icon="message-circle" onSelect={() => onWrite(person.id)}>
              <Trans>Write a private message</Trans>
            </MenuItem>
          )}
          {isHost && person.microphone && (
            <MenuItem icon="microphone-off" onSelect={() => meeting.mute(person.id)}>
              <Trans>Mute</Trans>
            </MenuItem>
          )}
          {isHost && isPhone && !person.microphone && (
            <MenuItem icon="microphone" onSelect={() => meeting.mute(person.id, false)}>
              <Trans>Unmute</Trans>
            </MenuItem>
          )}
          {isHost && (
            <MenuItem icon="user-minus" look="danger" onSelect={onRemove}>
              <Trans>Remove from the meeting</Trans>
            </MenuItem>
          )}
        </Menu>
      )}
    </li>
  )
}
