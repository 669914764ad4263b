/** M25: a meeting of twenty, two of them Chromium, the others synthetic: everybody is there, heard, and nine are shown. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { SyntheticGuest } from '../../dev/synthetic-guest.ts'
import { Carillon, type Json, until } from '../carillon.ts'
import { seeded } from '../media/worker.ts'
import { enter, launchChromium, sees } from './tabs.ts'

const people = 20
let carillon: Carillon
let browser: Browser
let meeting: Json
let tabs: Page[]
const guests: SyntheticGuest[] = []

beforeAll(async () => {
  carillon = await Carillon.start()
  meeting = await carillon.meeting()
  browser = await launchChromium()
  tabs = [
    await enter(browser, meeting.joinUrl, { name: 'Anna' }),
    await enter(browser, meeting.joinUrl, { name: 'Ben' }),
  ]
})

afterAll(async () => {
  await Promise.all(guests.splice(0).map((guest) => guest.leave()))
  await browser?.close()
  await carillon?.destroy()
})

/** Voices whose packets come in; what synthetic peers say is no sound that could be measured. */
const voicesOf = (tab: Page) =>
  tab.evaluate<number>(`Promise.all(window.connections.map((one) => one.getStats())).then((all) =>
    all.flatMap((stats) => [...stats.values()])
      .filter((one) => one.type === 'inbound-rtp' && one.kind === 'audio' && one.packetsReceived > 0).length)`)

it('twenty hear each other, and the two who can see do', async () => {
  const random = seeded(20)
  for (let i = 1; i <= people - 2; i++) {
    const guest = new SyntheticGuest(meeting.joinUrl, `Guest ${i}`, random)
    await guest.join()
    guests.push(guest)
  }
  const isWhole = () =>
    guests.every((guest) => {
      const { others, heard, seen } = guest.report()
      return others === people - 1 && heard === people - 1 && seen === 9
    })
  await until(isWhole, 'every guest hears nineteen and sees nine', 60_000)
  for (const tab of tabs) {
    await until(async () => (await voicesOf(tab)) >= people - 1, 'nineteen voices', 30_000)
    await tab.getByRole('button', { name: `People, ${people}` }).waitFor()
    await until(async () => (await tab.locator('[data-tile]').count()) === 9, 'nine tiles')
  }
  const [anna, ben] = tabs
  if (anna && ben) await Promise.all([sees(anna, 'Ben'), sees(ben, 'Anna')])
  const joined = () => carillon.events('meeting.participant_joined')
  await until(async () => (await joined()).length >= people, 'an event for each')
  expect(await joined()).toHaveLength(people)
})
