/** A leg that takes part in a meeting, as the process that runs meetings is told of it (M8). */
import type { CommandId } from './command.ts'
import type { LegId } from './leg.ts'

export interface MeetingPhone {
  readonly meetingId: string
  readonly participantId: string
  readonly callId: string
  readonly leg: LegId
  readonly number: string
  readonly name: string | null
  /** Of who sent it there. */
  readonly command: CommandId | null
}

/** The peer of such a participant at the media worker. */
export const phonePeerId = (participantId: string): string => `${participantId}.phone`
