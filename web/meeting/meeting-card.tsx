/** What is behind the door: title, when in my zone, who is inside, and why it may not open. */
import { Plural, Trans, useLingui } from '@lingui/react/macro'
import type { MeetingInfo } from '../../contract/signalling.ts'
import { formatDuration, useNow } from './use-now.ts'

const shownNames = 4

export function MeetingCard({ info }: { readonly info: MeetingInfo }) {
  return (
    <div className="meeting-card">
      <h1>{info.topic}</h1>
      <p className="soft">
        <When info={info} /> · <Trans>with {info.organizer}</Trans>
      </p>
      {info.state === 'too_early' && <Countdown opensAt={info.opensAt} />}
      {info.state === 'closed' && (
        <p className="door-note" role="status">
          <Trans>This meeting is over. If you expected another one, ask {info.organizer} for the new link.</Trans>
        </p>
      )}
      {info.state === 'open' && <Inside names={info.inside} />}
    </div>
  )
}

function When({ info }: { readonly info: MeetingInfo }) {
  const { i18n } = useLingui()
  const [start, end] = [new Date(info.startTime), new Date(info.endTime)]
  const isThisYear = start.getFullYear() === new Date().getFullYear()
  const year = isThisYear ? {} : { year: 'numeric' as const }
  const day = new Intl.DateTimeFormat(i18n.locale, { weekday: 'long', day: 'numeric', month: 'long', ...year })
  const time = new Intl.DateTimeFormat(i18n.locale, { hour: 'numeric', minute: '2-digit' })
  const there = new Intl.DateTimeFormat(i18n.locale, { hour: 'numeric', minute: '2-digit', timeZone: info.timezone })
  const isOtherZone = there.format(start) !== time.format(start)
  const zoneTime = there.format(start)
  // Over midnight a range names both days in figures, which nobody needs who has just read the first in words.
  const isOneDay = day.format(start) === day.format(end)
  const hours = isOneDay ? time.formatRange(start, end) : `${time.format(start)} – ${time.format(end)}`
  const city = info.timezone.split('/').at(-1)?.replaceAll('_', ' ')
  return (
    <time dateTime={info.startTime} className="numbers">
      {day.format(start)}, {hours}
      {isOtherZone && (
        <>
          {' '}
          <Trans>
            ({zoneTime} in {city})
          </Trans>
        </>
      )}
    </time>
  )
}

function Countdown({ opensAt }: { readonly opensAt: string }) {
  const left = Date.parse(opensAt) - useNow(500)
  const days = Math.floor(left / 86_400_000)
  const time = formatDuration(left)
  return (
    <p className="door-note waiting" role="timer">
      {days > 0 ? (
        <Plural
          value={days}
          one="You are early: the meeting opens in # day."
          other="You are early: the meeting opens in # days."
        />
      ) : left > 0 ? (
        <>
          <Trans>You are early. The meeting opens by itself in</Trans> <strong className="numbers">{time}</strong>
        </>
      ) : (
        <Trans>The meeting opens now.</Trans>
      )}
    </p>
  )
}

function Inside({ names }: { readonly names: readonly string[] }) {
  const { i18n } = useLingui()
  if (names.length === 0) {
    return (
      <p className="soft">
        <Trans>Nobody is inside yet.</Trans>
      </p>
    )
  }
  const shown = names.slice(0, shownNames)
  const rest = names.length - shown.length
  const list = new Intl.ListFormat(i18n.locale, { type: rest > 0 ? 'unit' : 'conjunction' }).format(shown)
  return (
    <p className="inside">
      <span className="dot live" />
      {rest > 0 ? (
        <Plural value={rest} one={`${list} and # more person inside`} other={`${list} and # more people inside`} />
      ) : (
        <Trans>{list} inside</Trans>
      )}
    </p>
  )
}
