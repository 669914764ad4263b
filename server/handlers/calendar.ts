/** Calendars to subscribe to. The token in the address is the permission, so an unknown one is told nothing more. */
import { ApiError } from '../api-error.ts'
import type { App } from '../app.ts'
import { formatFeed } from '../calendar/feed.ts'
import { meetingLinks } from '../meeting/links.ts'
import { type MeetingRow, nameOf, selectMeetings } from '../store/meetings.ts'
import type { Handlers } from './call.ts'

const everyAccount = { accountId: null, userId: null }
/** A calendar shows the past year; older meetings only make it slow. */
const shownPastMs = 366 * 24 * 3_600_000

export const calendarHandlers: Handlers<'getUserCalendar' | 'getMeetingCalendar'> = {
  async getUserCalendar({ app, params }) {
    const user = await app.database
      .selectFrom('users')
      .select(['id', 'firstName', 'lastName'])
      .where('icsToken', '=', params.icsToken)
      .executeTakeFirst()
    if (!user) throw unknownToken()
    const meetings = await selectMeetings(app.database, { accountId: null, userId: user.id })
      .where('meetings.endsAt', '>', new Date(app.clock() - shownPastMs))
      .orderBy('meetings.startsAt')
      .limit(10_000)
      .execute()
    return feed(app, nameOf(user), meetings, true)
  },

  async getMeetingCalendar({ app, params }) {
    const meeting = await selectMeetings(app.database, everyAccount)
      .where('meetings.icsToken', '=', params.icsToken)
      .executeTakeFirst()
    if (!meeting) throw unknownToken()
    return feed(app, meeting.topic, [meeting], false)
  },
}

const unknownToken = () => new ApiError('not_found', 'There is no such calendar.')

const feed = (app: App, name: string, meetings: readonly MeetingRow[], showsAddresses: boolean) =>
  formatFeed({
    name,
    host: new URL(app.config.publicUrl).hostname,
    meetings,
    joinUrl: meetingLinks(app).joinUrl,
    showsAddresses,
  })
