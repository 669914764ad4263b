/**
 * The published tutorial, call by call: each answer holds every key of the tutorial's answer, with the same type. The
 * samples are contract/examples.ts's, which the documents show too.
 */
import { expect, it } from 'vitest'
import { examples } from '../contract/examples.ts'
import { call, instanceKey, testApp } from './app.ts'

const { http } = await testApp()
const withKey = { 'x-api-key': instanceKey }

/** Names and types, deep: arrays by their first entry. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf)
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, shapeOf(entry)]))
}

it('runs from the first call to the last', async () => {
  const before = Date.now()
  const created = await call(http, 'POST', '/api/v6/account', examples.newAccount, withKey)
  expect(created.body.responseCode).toBe(0)
  expect(shapeOf(created.body.data)).toEqual(shapeOf(examples.account))
  expect(created.body.data.name).toBe('test-user@example.com')
  const trialMs = Date.parse(created.body.data.paidUntil) - 14 * 86_400_000
  expect(trialMs).toBeGreaterThanOrEqual(before)
  expect(trialMs).toBeLessThanOrEqual(Date.now())

  const admins = await call(http, 'GET', `/api/v6/account/admin/${created.body.data.id}`, undefined, withKey)
  expect(admins.body.responseCode).toBe(0)
  expect(shapeOf(admins.body.data)).toEqual(shapeOf([examples.organizer]))
  const [admin] = admins.body.data
  expect(admin.icsPath).toBe(`/api/v6/meeting/calender/user/${admin.icsToken}`)

  const scheduled = await call(http, 'POST', '/api/v6/meeting', examples.newMeeting, { 'x-user-id': admin.id })
  expect(scheduled.body.responseCode).toBe(0)
  const meeting = scheduled.body.data
  expect(shapeOf(meeting)).toEqual(shapeOf(examples.meeting))
  expect(meeting).toMatchObject({ isClosed: true, isOpen: false, dtClosedAt: null, duration: '60', icalSequence: '0' })
  expect(meeting.meetingId).toMatch(/^(\d{4}-){3}\d{4}$/)

  const change = { ...examples.updateMeeting, id: meeting.id }
  const updated = await call(http, 'PUT', `/api/v6/meeting/${meeting.id}/false`, change, { 'x-user-id': admin.id })
  expect(updated.body.responseCode).toBe(0)
  expect(shapeOf(updated.body.data)).toEqual(shapeOf(examples.meeting))
  expect(updated.body.data).toMatchObject({
    topic: 'My Updated Meeting Topic',
    startTime: '2020-04-07T09:05:00.000Z',
    endTime: '2020-04-07T10:00:05.000Z',
    icalSequence: '1',
  })
})
