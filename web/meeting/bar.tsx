/** Everything one does in a meeting, in one row; leaving stands apart. */
import { Trans, useLingui } from '@lingui/react/macro'
import { useState } from 'react'
import { Button, IconButton } from '../kit/button.tsx'
import { Dialog } from '../kit/dialog.tsx'
import { Icon } from '../kit/icon.tsx'
import { Menu, MenuItem } from '../kit/menu.tsx'
import { DeviceButton } from './device-button.tsx'
import { MoreMenu } from './more-menu.tsx'
import type { PanelName } from './room.tsx'
import { useMeeting, useMeetingState } from './use-meeting.ts'
import { useNow } from './use-now.ts'
import { useUnread } from './use-unread.ts'

interface BarProps {
  readonly panel: PanelName | null
  readonly togglePanel: (name: PanelName) => void
  readonly openHelp: () => void
}

export function Bar({ panel, togglePanel, openHelp }: BarProps) {
  const { t } = useLingui()
  const meeting = useMeeting()
  const count = useMeetingState((state) => state.others.size) + 1
  const hands = useMeetingState(({ others }) => [...others.values()].filter((one) => one.handRaisedAt !== null).length)
  const unread = useUnread(panel === 'chat')
  return (
    <div className="bar">
      <Title />
      <div className="bar-controls" role="toolbar" aria-label={t`Meeting controls`}>
        {meeting.sends && <DeviceButton kind="microphone" />}
        {meeting.hasCamera && <DeviceButton kind="camera" />}
        {meeting.canShare && <ShareButton />}
        <HandButton />
        <MoreMenu openHelp={openHelp} />
        <LeaveButton />
      </div>
      <div className="bar-panels">
        <IconButton
          className="control quiet"
          icon="users"
          label={t`People, ${count}`}
          shortcut="P"
          side="end"
          aria-expanded={panel === 'people'}
          data-control="people"
          onClick={() => togglePanel('people')}
        >
          <span className="count numbers">{count}</span>
          {hands > 0 && (
            <span className="badge">
              <Icon name="hand-stop" size={12} />
            </span>
          )}
        </IconButton>
        {meeting.hasChat && (
          <IconButton
            className="control quiet"
            icon="message-circle"
            label={unread > 0 ? t`Chat, ${unread} new` : t`Chat`}
            shortcut="C"
            side="end"
            aria-expanded={panel === 'chat'}
            data-control="chat"
            onClick={() => togglePanel('chat')}
          >
            {unread > 0 && <span className="badge numbers">{unread}</span>}
          </IconButton>
        )}
      </div>
    </div>
  )
}

function Title() {
  const { i18n } = useLingui()
  const topic = useMeetingState((state) => state.info?.topic ?? '')
  const now = useNow(5_000)
  const time = new Intl.DateTimeFormat(i18n.locale, { hour: 'numeric', minute: '2-digit' }).format(now)
  return (
    <p className="bar-title">
      <span className="numbers">{time}</span>
      <span className="bar-topic" title={topic}>
        {topic}
      </span>
    </p>
  )
}

function ShareButton() {
  const { t } = useLingui()
  const meeting = useMeeting()
  const isSharing = useMeetingState((state) => state.screen !== null)
  return (
    <IconButton
      className={`control ${isSharing ? 'active' : ''}`}
      icon={isSharing ? 'screen-share-off' : 'screen-share'}
      label={isSharing ? t`Stop sharing` : t`Share your screen`}
      shortcut="S"
      aria-pressed={isSharing}
      data-control="share"
      onClick={() => void (isSharing ? meeting.stopShare() : meeting.startShare())}
    />
  )
}

function HandButton() {
  const { t } = useLingui()
  const meeting = useMeeting()
  const isUp = useMeetingState((state) => state.self?.handRaisedAt !== null)
  return (
    <IconButton
      className={`control ${isUp ? 'active' : ''}`}
      icon="hand-stop"
      label={isUp ? t`Lower your hand` : t`Raise your hand`}
      shortcut="R"
      aria-pressed={isUp}
      data-control="hand"
      onClick={() => meeting.setHand(!isUp)}
    />
  )
}

/** A host has two ways out, and they are not the same. */
function LeaveButton() {
  const { t } = useLingui()
  const meeting = useMeeting()
  const isHost = useMeetingState((state) => state.self?.role === 'host')
  const [isAsking, setAsking] = useState(false)
  if (!isHost) {
    return (
      <IconButton
        className="control leave"
        icon="phone-off"
        label={t`Leave`}
        data-control="leave"
        onClick={() => void meeting.leave()}
      />
    )
  }
  return (
    <>
      <Menu
        label={t`Leave or end`}
        trigger={(props) => (
          <button type="button" className="control leave" aria-label={t`Leave or end`} data-control="leave" {...props}>
            <Icon name="phone-off" />
          </button>
        )}
      >
        <MenuItem icon="phone-off" onSelect={() => void meeting.leave()}>
          <Trans>Leave, the meeting goes on</Trans>
        </MenuItem>
        <MenuItem icon="x" look="danger" onSelect={() => setAsking(true)}>
          <Trans>End for everybody</Trans>
        </MenuItem>
      </Menu>
      {isAsking && (
        <Dialog
          title={t`End the meeting for everybody?`}
          closeLabel={t`Close`}
          onClose={() => setAsking(false)}
          actions={
            <>
              <Button onClick={() => setAsking(false)}>
                <Trans>Go on</Trans>
              </Button>
              <Button look="danger" onClick={() => meeting.end()}>
                <Trans>End for everybody</Trans>
              </Button>
            </>
          }
        >
          <p>
            <Trans>Everybody is taken out and the link closes.</Trans>
          </p>
        </Dialog>
      )}
    </>
  )
}
