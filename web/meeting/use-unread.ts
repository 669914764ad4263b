import { useRef } from 'react'
import { useMeetingState } from './use-meeting.ts'

/** Messages of others since the chat was last open. What was said before I came is not news. */
export function useUnread(isOpen: boolean): number {
  const chat = useMeetingState((state) => state.chat)
  const selfId = useMeetingState((state) => state.self?.id)
  const read = useRef(chat.length)
  if (isOpen) read.current = chat.length
  return chat.slice(read.current).filter(({ from }) => from.id !== selfId).length
}
