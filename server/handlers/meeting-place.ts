/** A place in a meeting for a phone of the account. */
import type { MeetingLink, MeetingRefusal } from '../../engine/call/command.ts'
import type { Refusal } from '../meeting/phones.ts'
import type { Call } from './call.ts'

const words: Readonly<Record<Refusal, string>> = {
  not_found: 'there is no such meeting',
  too_early: 'the meeting cannot be joined yet',
  closed: 'the meeting is over',
  full: 'the meeting has as many participants as it may have',
}

/** A place in a meeting of the account, or why there is none: nobody could join it then either. */
export async function placeIn(
  { app, who }: Pick<Call<'moveCallToMeeting'> | Call<'originateCall'>, 'app' | 'who'>,
  meetingId: string,
): Promise<MeetingLink | MeetingRefusal> {
  const place = await app.phones.invite(who.accountId, meetingId)
  return typeof place === 'string' ? { refusal: words[place] } : place
}
