/** The meeting, for components: its state by slices, so that a change redraws what shows it and nothing else. */
import { createContext, useContext, useSyncExternalStore } from 'react'
import type { Meeting } from './meeting.ts'
import type { MeetingState } from './meeting-state.ts'

export const MeetingContext = createContext<Meeting | null>(null)

export function useMeeting(): Meeting {
  const meeting = useContext(MeetingContext)
  if (!meeting) throw new Error('there is no meeting around this component')
  return meeting
}

/** `select` must return a part of the state or a plain value: what it makes anew would be new each time. */
export function useMeetingState<T>(select: (state: MeetingState) => T): T {
  const { store } = useMeeting()
  return useSyncExternalStore(store.subscribe, () => select(store.get()))
}
