/** What the network and a starting server may do to a page that comes in: it is inside all the same, without a click. */
import type { Browser, Page, WebSocketRoute } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Carillon, type Json } from '../carillon.ts'
import { joinAddress, launchChromium, sees } from './tabs.ts'

let carillon: Carillon
let browser: Browser
let meeting: Json
let anna: Page

beforeAll(async () => {
  carillon = await Carillon.start()
  browser = await launchChromium()
  meeting = await carillon.meeting()
  anna = await enter('Anna', (route) => void route.connectToServer())
})

afterAll(async () => {
  await browser?.close()
  await carillon?.destroy()
})

interface Frame {
  readonly id?: number
  readonly op?: string
  readonly re?: number
}

/** Comes in over sockets that `between` may meddle with. */
async function enter(name: string, between: (page: WebSocketRoute, number: number) => void): Promise<Page> {
  const context = await browser.newContext({ permissions: ['camera', 'microphone'] })
  const page = await context.newPage()
  let number = 0
  await page.routeWebSocket(/\/meet\/socket/, (route) => between(route, ++number))
  await page.goto(joinAddress(meeting.joinUrl, name))
  return page
}

const read = (text: string | Buffer): Frame => JSON.parse(String(text))

async function isInside(page: Page, name: string): Promise<void> {
  await Promise.all([sees(page, 'Anna'), sees(anna, name)])
  await page.context().close()
}

it('the answer to join is lost with its socket: it is asked again, and nobody joins twice', async () => {
  const page = await enter('Ben', (route, number) => {
    const server = route.connectToServer()
    let join: number | undefined
    route.onMessage((text) => {
      if (read(text).op === 'join') join = read(text).id
      server.send(text)
    })
    server.onMessage((text) => {
      const isAnswer = join !== undefined && read(text).re === join
      if (!isAnswer || number > 1) return route.send(text)
      void server.close()
      void route.close({ code: 1001 })
    })
  })
  await isInside(page, 'Ben')
  const joined = await carillon.events('meeting.participant_joined')
  expect(joined.filter(({ data }) => data.participant.name === 'Ben')).toHaveLength(1)
})

it('join is refused because the server is not itself: it is asked again', async () => {
  let refused = 0
  const page = await enter('Carol', (route) => {
    const server = route.connectToServer()
    route.onMessage((text) => {
      const { op, id } = read(text)
      if (op !== 'join' || refused > 0) return server.send(text)
      refused += 1
      route.send(JSON.stringify({ re: id, error: { code: 'internal', message: 'The database cannot be reached.' } }))
    })
    server.onMessage((text) => route.send(text))
  })
  await isInside(page, 'Carol')
  expect(refused).toBe(1)
})

it('a socket is taken and hello is not answered: another one is tried', async () => {
  let sockets = 0
  const page = await enter('Dirk', (route, number) => {
    sockets = number
    if (number === 1) return route.onMessage(() => {})
    const server = route.connectToServer()
    route.onMessage((text) => server.send(text))
    server.onMessage((text) => route.send(text))
  })
  await isInside(page, 'Dirk')
  expect(sockets).toBe(2)
})
