/** The feed as calendars read it (RFC 5545): golden lines, and every instant read back by another implementation. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import ICAL from 'ical.js'
import { describe, expect, it } from 'vitest'
import { call, testApp } from './app.ts'
import { formatSample, samples } from './calendar-sample.ts'
import { done, makeTenant, withKey } from './world.ts'

const run = promisify(execFile)
const script = join(import.meta.dirname, 'calendar-sample.ts')

function parse(text: string) {
  const calendar = new ICAL.Component(ICAL.parse(text))
  const zones = new Map(
    calendar.getAllSubcomponents('vtimezone').map((zone) => {
      const timezone = new ICAL.Timezone(zone)
      return [timezone.tzid, timezone]
    }),
  )
  const events = calendar.getAllSubcomponents('vevent').map((component) => {
    const instant = (name: string) => {
      const property = component.getFirstProperty(name)
      const time = property?.getFirstValue() as ICAL.Time
      const tzid = property?.getFirstParameter('tzid')
      if (tzid !== undefined) time.zone = zones.get(tzid) ?? failOn(`no VTIMEZONE for ${tzid}`)
      return new Date(time.toUnixTime() * 1000).toISOString()
    }
    const text = (name: string) => component.getFirstPropertyValue(name)?.toString()
    return {
      uid: text('uid'),
      sequence: text('sequence'),
      summary: text('summary'),
      description: text('description'),
      organizer: text('organizer'),
      start: instant('dtstart'),
      end: instant('dtend'),
    }
  })
  return { name: calendar.getFirstPropertyValue('x-wr-calname'), events }
}

function failOn(what: string): never {
  throw new Error(what)
}

describe('a feed', () => {
  it('says the same whatever zone the server is in', async () => {
    const outputs = await Promise.all(
      ['UTC', 'America/New_York', 'Pacific/Kiritimati'].map(async (TZ) => {
        const { stdout } = await run(process.execPath, [script], { env: { ...process.env, TZ } })
        return stdout
      }),
    )
    expect(new Set(outputs).size).toBe(1)
    expect(outputs[0]).toBe(formatSample())
  })

  it('is read back as the instants that were meant', () => {
    const { events } = parse(formatSample())
    expect(events.map(({ start }) => start)).toEqual(samples.map(({ at }) => at))
    for (const { start, end } of events) expect(Date.parse(end) - Date.parse(start)).toBe(3_600_000)
  })

  it('carries every character through', () => {
    const { events } = parse(formatSample())
    expect(events.map(({ summary }) => summary)).toEqual(samples.map(({ topic }) => topic))
    expect(events[0]?.description).toBe(
      'First; line\nSecond, line and "more"\n\nhttps://meet.example.com/meet/9974765388860485\n\n9974-7653-8886-0485',
    )
    expect(events[0]?.organizer).toBe('mailto:test@example.com')
  })

  it('is written in short lines that end in CR LF, with these words', () => {
    const text = formatSample()
    for (const line of text.split('\r\n')) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(75)
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
    expect(text).toContain('SUMMARY:Comma\\, semicolon\\; colon: "quoted" \\\\ backslash\r\n')
    expect(text).toContain('DTSTART;TZID=Europe/Brussels:20300715T090000\r\n')
    expect(text).toContain('DTSTART:20300501T120000Z\r\n')
    expect(text).toContain('TZID:Europe/Kiev\r\n')
    expect(text).toContain('METHOD:PUBLISH\r\n')
    expect(text).toContain('X-WR-CALNAME:Te\\;st\\, "User"\r\n')
  })
})

describe('the address of a feed', async () => {
  const { http } = await testApp()
  const tenant = await makeTenant(http)
  const key = withKey(tenant.key.secret)
  const feed = async (path: string) => {
    const { status, headers, body } = await call(http, 'GET', path, undefined, {})
    expect([status, headers['content-type']]).toEqual([200, 'text/calendar; charset=utf-8'])
    return parse(body)
  }
  const { data: person } = await done(http, 'GET', `/api/v6/user/${tenant.user.id}`, undefined, key)

  it('shows the meetings of a person, each with a UID that lasts and a SEQUENCE that grows with changes only', async () => {
    const before = await feed(person.icsPath)
    expect(before.name).toBe('Uma')
    expect(before.events).toHaveLength(1)
    const url = `/api/v6/meeting/${tenant.meeting.id}/false`
    await done(http, 'PUT', url, { topic: 'Plans', startTime: '2031-07-01T09:00:00' }, key)
    const [moved] = (await feed(person.icsPath)).events
    expect(moved).toMatchObject({ uid: before.events[0]?.uid, sequence: '1', start: '2031-07-01T07:00:00.000Z' })
    await done(http, 'PUT', url, { topic: 'Plans', startTime: '2031-07-01T09:00:00' }, key)
    expect((await feed(person.icsPath)).events[0]?.sequence).toBe('1')
    await done(http, 'DELETE', `/api/v6/meeting/${tenant.meeting.id}`, undefined, key)
    expect((await feed(person.icsPath)).events).toEqual([])
  })

  it('of one meeting tells guests no address (S10)', async () => {
    const { data } = await done(http, 'POST', '/api/v6/meeting', { topic: 'Open' }, key)
    const path = `/api/v6/meeting/calender/meeting/${data.icsToken}`
    expect((await feed(path)).events[0]).toMatchObject({ summary: 'Open', organizer: undefined })
    const { body } = await call(http, 'GET', path, undefined, {})
    expect(body).not.toContain('@example.com')
  })

  it('is no help to who guesses', async () => {
    const guess = person.icsToken.replace(/.$/, (last: string) => (last === '0' ? '1' : '0'))
    expect((await call(http, 'GET', `/api/v6/meeting/calender/user/${guess}`, undefined, {})).status).toBe(404)
  })
})
