/** Inside: the people, one bar, and at most one panel. */
import { useLingui } from '@lingui/react/macro'
import { useCallback, useEffect, useRef, useState } from 'react'
import { Announcer } from './announcer.tsx'
import { Banners } from './banners.tsx'
import { Bar } from './bar.tsx'
import { ChatPanel } from './chat-panel.tsx'
import { PeoplePanel } from './people-panel.tsx'
import { SelfTile } from './self-tile.tsx'
import { ShortcutsDialog } from './shortcuts-dialog.tsx'
import { type Command, useShortcuts } from './shortcuts.ts'
import { Stage } from './stage.tsx'
import { Toasts } from './toasts.tsx'
import { useIsIdle } from './use-is-idle.ts'
import { useMeeting, useMeetingState } from './use-meeting.ts'

export type PanelName = 'people' | 'chat'

export function Room() {
  const { t } = useLingui()
  const meeting = useMeeting()
  const topic = useMeetingState((state) => state.info?.topic ?? '')
  const room = useRef<HTMLElement>(null)
  const { panel, partner, openPanel, closePanel } = usePanel()
  const [isHelpOpen, setHelpOpen] = useState(false)
  const isIdle = useIsIdle() && panel === null
  useEffect(() => room.current?.focus(), [])
  const run = useCommands(
    (name) => (panel === name ? closePanel() : openPanel(name)),
    () => setHelpOpen(true),
  )
  const talk = usePushToTalk()
  useShortcuts(run, talk)
  return (
    <main
      ref={room}
      tabIndex={-1}
      className={`room ${isIdle ? 'idle' : ''} ${panel ? 'has-panel' : ''}`}
      aria-label={t`Meeting`}
    >
      <h1 className="unseen">{topic}</h1>
      <div className="room-stage">
        <Stage />
        {meeting.sends && <SelfTile />}
        <Banners />
        <Toasts openChat={() => openPanel('chat')} />
      </div>
      <Bar
        panel={panel}
        togglePanel={(name) => (panel === name ? closePanel() : openPanel(name))}
        openHelp={() => setHelpOpen(true)}
      />
      {panel === 'people' && <PeoplePanel onClose={closePanel} onWrite={(id) => openPanel('chat', id)} />}
      {panel === 'chat' && <ChatPanel partner={partner} onClose={closePanel} />}
      {isHelpOpen && <ShortcutsDialog onClose={() => setHelpOpen(false)} />}
      <Announcer />
    </main>
  )
}

/** Panels take the focus when they open; whatever had it gets it back. */
function usePanel() {
  const [panel, setPanel] = useState<PanelName | null>(null)
  const [partner, setPartner] = useState<string | null>(null)
  const opener = useRef<Element | null>(null)
  const openPanel = useCallback((name: PanelName, writeTo: string | null = null) => {
    setPanel((before) => {
      if (before === null) opener.current = document.activeElement
      return name
    })
    setPartner(writeTo)
  }, [])
  const closePanel = useCallback(() => {
    setPanel(null)
    const { current } = opener
    if (current instanceof HTMLElement && current.isConnected) current.focus()
  }, [])
  return { panel, partner, openPanel, closePanel }
}

function useCommands(togglePanel: (name: PanelName) => void, openHelp: () => void): (command: Command) => void {
  const meeting = useMeeting()
  return (command) => {
    const { self, screen } = meeting.store.get()
    switch (command) {
      case 'microphone':
      case 'camera':
        if (meeting.sends && (command === 'microphone' || meeting.hasCamera)) meeting.toggle(command)
        return
      case 'hand':
        return meeting.setHand(self?.handRaisedAt === null)
      case 'share':
        if (meeting.canShare) void (screen ? meeting.stopShare() : meeting.startShare())
        return
      case 'people':
        return togglePanel(command)
      case 'chat':
        if (meeting.hasChat) togglePanel(command)
        return
      case 'help':
        return openHelp()
    }
  }
}

/** The space bar opens a microphone that is off, for as long as it is held. */
function usePushToTalk(): (isHeld: boolean) => void {
  const meeting = useMeeting()
  const isTalking = useRef(false)
  return (isHeld) => {
    const { isOn } = meeting.devices.state.microphone
    if (isHeld && !isOn && meeting.sends) {
      isTalking.current = true
      void meeting.devices.switchOn('microphone')
    } else if (!isHeld && isTalking.current) {
      isTalking.current = false
      meeting.devices.switchOff('microphone')
    }
  }
}
