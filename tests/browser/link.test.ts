/** The mailed one-time link, and the front door with a meeting's number. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Carillon, until } from '../carillon.ts'
import { violations } from './axe.ts'
import { launchChromium } from './tabs.ts'

let carillon: Carillon
let browser: Browser

beforeAll(async () => {
  carillon = await Carillon.start()
  browser = await launchChromium()
})

afterAll(async () => {
  await browser?.close()
  await carillon?.destroy()
})

/** As it stands in the mail, whose lines end softly. */
async function mailedLink(): Promise<string> {
  const folder = join(carillon.dataDir, 'mail')
  const mails = () => (existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.eml')) : [])
  const file = await until(() => mails()[0], 'the mail')
  const text = readFileSync(join(folder, file), 'utf8').replaceAll('=\r\n', '').replaceAll('=3D', '=')
  return /http:\/\/\S+\/link\/[\w-]+/.exec(text)?.[0] ?? text
}

it('sets a password by the button alone, once', async () => {
  const account = {
    accountType: 'trial',
    adminFirstname: 'Ada',
    adminLastname: 'Moreau',
    adminEmail: 'ada@example.com',
  }
  await carillon.call('POST', '/api/v6/account', { ...account, sendPassword: true })
  const link = await mailedLink()
  const page = await browser.newPage({ locale: 'en-GB' })
  await page.goto(link)
  await page.reload() // looking consumes nothing
  await page.getByLabel('New password').waitFor()
  expect(await violations(page)).toEqual([])
  await page.getByLabel('New password').fill('correct horse battery staple')
  await page.getByRole('button', { name: 'Set password' }).click()
  await page.getByRole('heading', { name: 'Your password is set' }).waitFor()
  await page.goto(link)
  await page.getByLabel('New password').fill('another horse battery staple')
  await page.getByRole('button', { name: 'Set password' }).click()
  await page.getByRole('alert').waitFor()
})

it('the front door takes a number and a link, and says what is wrong with anything else', async () => {
  const { meetingId } = await carillon.meeting({ topic: 'By its number' })
  const page = await browser.newPage({ locale: 'en-GB' })
  await page.goto(carillon.url)
  await page.getByLabel('Meeting number or link').fill('1234')
  await page.keyboard.press('Enter')
  await page.getByText('A meeting has sixteen digits.').waitFor()
  await page.getByLabel('Meeting number or link').fill(String(meetingId).replaceAll('-', ' '))
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'By its number' }).waitFor()
})
