/** Joining never waits for a device: none at all, none allowed, none wanted, none possible. */
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { Carillon, freePort, type Json, until } from '../carillon.ts'
import { makeNetwork } from './network.ts'
import { enter, hears, joinAddress, launchChromium, sees } from './tabs.ts'

let carillon: Carillon
let browser: Browser
let meeting: Json

beforeAll(async () => {
  carillon = await Carillon.start()
  browser = await launchChromium()
  meeting = await carillon.meeting()
  await enter(browser, meeting.joinUrl, { name: 'Anna' })
})

afterAll(async () => {
  await browser?.close()
  await carillon?.destroy()
})

const watchAsking = `window.asked = 0
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
  navigator.mediaDevices.getUserMedia = (wishes) => { window.asked += 1; return ask(wishes) }`

it('without any device: says so, joins, sees and hears', async () => {
  const bare = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--autoplay-policy=no-user-gesture-required', '--use-fake-ui-for-media-stream'],
  })
  onTestFinished(() => bare.close())
  const page = await bare.newPage({ locale: 'en-GB' })
  await page.goto(meeting.joinUrl)
  await page.getByText('No camera and no microphone were found. You can join without.').waitFor()
  await page.getByLabel('Your name').fill('Bare')
  await page.getByRole('button', { name: 'Join', exact: true }).click()
  await sees(page, 'Anna')
  expect(await page.getByRole('button', { name: 'Microphone, off' }).isVisible()).toBe(true)
})

it('when the browser refuses: says where to allow it, and joins', async () => {
  const refusing = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox'],
  })
  onTestFinished(() => refusing.close())
  const page = await refusing.newPage({ locale: 'en-GB' })
  await page.addInitScript(`navigator.mediaDevices.getUserMedia = () =>
    Promise.reject(new DOMException('Permission denied', 'NotAllowedError'))`)
  await page.goto(meeting.joinUrl)
  await page.getByText('The browser does not let this page use the camera.').waitFor()
  await page.getByLabel('Your name').fill('Refused')
  await page.getByRole('button', { name: 'Join', exact: true }).click()
  await page.locator('[data-tile="Anna"]').waitFor()
})

it('receiveonly: asks for nothing, sends nothing, sees and hears', async () => {
  const context = await browser.newContext({ locale: 'en-GB' })
  await context.addInitScript(watchAsking)
  await context.addInitScript(`window.connections = []
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(configuration) { super(configuration); window.connections.push(this) }
    }`)
  const page = await context.newPage()
  await page.goto(`${meeting.joinUrl}?participantName=Rita&skipJoinMeetingScreen=true&mediaDirection=receiveonly`)
  await Promise.all([sees(page, 'Anna'), hears(page, 1)])
  expect(await page.evaluate('window.asked')).toBe(0)
  expect(await page.evaluate('window.connections.length')).toBe(1)
  expect(await page.getByRole('button', { name: /Microphone|Camera/ }).count()).toBe(0)
  await context.close()
})

it('sendonly: is seen and heard, and receives nothing', async () => {
  const context = await browser.newContext({ locale: 'en-GB' })
  const page = await context.newPage()
  const anna = await enter(browser, meeting.joinUrl, { name: 'Watcher' })
  await page.goto(`${meeting.joinUrl}?participantName=Sven&skipJoinMeetingScreen=true&mediaDirection=sendonly`)
  await sees(anna, 'Sven')
  await page.locator('[data-tile="Watcher"]').waitFor()
  expect(await page.locator('[data-tile="Watcher"] video').count()).toBe(0)
  await anna.context().close()
  await context.close()
})

it('over plain http: names the variables that give a camera, and joins to receive', async () => {
  const network = makeNetwork()
  onTestFinished(() => network.remove())
  const port = await freePort()
  const plain = await Carillon.start({
    CARILLON_HTTP_PORT: String(port),
    CARILLON_LISTEN_IP: network.address,
    CARILLON_PUBLIC_URL: `http://${network.address}:${port}`,
  })
  onTestFinished(() => plain.destroy())
  const { joinUrl } = await plain.meeting()
  const trusting = await launchChromium([`--unsafely-treat-insecure-origin-as-secure=${plain.url}`])
  onTestFinished(() => trusting.close())
  await enter(trusting, joinUrl, { name: 'Secure' })
  const page = await browser.newPage({ locale: 'en-GB' })
  await page.goto(joinUrl)
  await page.getByText('CARILLON_TLS=self-signed').waitFor()
  await page.getByLabel('Your name').fill('Plain')
  await page.getByRole('button', { name: 'Join', exact: true }).click()
  await sees(page, 'Secure')
})

it('sound that the browser holds back: one button, and after a click it plays', async () => {
  const context = await browser.newContext({ locale: 'en-GB' })
  // Driving a page counts as touching it, so the browser's own refusal is stood in for.
  await context.addInitScript(`const play = HTMLMediaElement.prototype.play
    HTMLAudioElement.prototype.play = function () {
      return window.isTouched ? play.call(this) : Promise.reject(new DOMException('no gesture', 'NotAllowedError'))
    }
    addEventListener('pointerdown', () => { window.isTouched = true }, true)`)
  const page = await context.newPage()
  await page.goto(`${meeting.joinUrl}?participantName=Silva&skipJoinMeetingScreen=true&mediaDirection=receiveonly`)
  const button = page.getByRole('button', { name: 'Click to hear' })
  await button.waitFor()
  const playing = `[...document.querySelectorAll('audio')].filter((one) => one.srcObject && !one.paused).length`
  expect(await page.evaluate(playing)).toBe(0)
  await button.click()
  await until(() => page.evaluate(playing), 'sound plays')
  await button.waitFor({ state: 'detached' })
  await context.close()
})

const withoutMicrophone = `(() => {
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
  navigator.mediaDevices.getUserMedia = (wishes) =>
    wishes.audio ? Promise.reject(new DOMException('gone', 'NotFoundError')) : ask(wishes)
})()`

it('a microphone that failed before one was inside is told there', async () => {
  const context = await browser.newContext({ locale: 'en-GB', permissions: ['camera', 'microphone'] })
  await context.addInitScript(withoutMicrophone)
  const page = await context.newPage()
  await page.goto(joinAddress(meeting.joinUrl, 'Mina'))
  await page.locator('[data-toast=device]').getByText('No microphone was found.').waitFor()
  await context.close()
})

it('what the door told is not told again inside, and what is new after a reload is', async () => {
  const context = await browser.newContext({ locale: 'en-GB', permissions: ['camera', 'microphone'] })
  await context.addInitScript(`if (sessionStorage.length === 0) ${withoutMicrophone}`)
  const page = await context.newPage()
  await page.goto(meeting.joinUrl)
  await page.getByText('No microphone was found.').waitFor()
  await page.getByLabel('Your name').fill('Rema')
  await page.getByRole('button', { name: 'Join', exact: true }).click()
  await sees(page, 'Anna')
  expect(await page.locator('[data-toast=device]').count()).toBe(0)
  await context.addInitScript(`navigator.mediaDevices.getUserMedia = () =>
    Promise.reject(new DOMException('busy', 'NotReadableError'))`)
  await page.reload()
  await page.locator('[data-toast=device]').getByText('Another program uses the camera.').waitFor()
  await context.close()
})

it('an unplugged microphone is told in words', async () => {
  const page = await enter(browser, meeting.joinUrl, { name: 'Una', options: { locale: 'en-GB' } })
  const isSending = `window.connections.flatMap((one) => one.getSenders()).some((one) => one.track?.kind === 'audio')`
  await until(() => page.evaluate(isSending), 'the microphone is sent')
  await page.evaluate(`(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('gone', 'NotFoundError'))
    const [sender] = window.connections.flatMap((one) => one.getSenders()).filter((one) => one.track?.kind === 'audio')
    sender.track.dispatchEvent(new Event('ended'))
  })()`)
  await page.getByText('The microphone was unplugged.').first().waitFor()
  await page.getByRole('button', { name: 'Microphone, off' }).waitFor()
})
