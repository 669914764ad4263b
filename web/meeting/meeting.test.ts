/** One visit to a meeting, with a server and a browser that answer when the test wants them to. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Meeting } from './meeting.ts'

interface Frame {
  readonly id: number
  readonly op: string
  readonly params: Record<string, unknown>
}

class FakeSocket {
  static readonly CONNECTING = 0
  static newest: FakeSocket
  readyState = 1
  readonly asked: Frame[] = []
  onopen = () => {}
  onmessage = (_message: { data: string }) => {}
  onclose = () => {}

  constructor() {
    FakeSocket.newest = this
  }

  send(text: string): void {
    this.asked.push(JSON.parse(text))
  }

  close(): void {}

  /** Answers the last request of that kind, when it is there. */
  async answer(op: string, ok: object): Promise<void> {
    const frame = await vi.waitUntil(() => this.asked.findLast((one) => one.op === op))
    this.onmessage({ data: JSON.stringify({ re: frame.id, ok }) })
    await settled()
  }

  async tell(event: string, params: object): Promise<void> {
    this.onmessage({ data: JSON.stringify({ seq: 1, event, params }) })
    await settled()
  }

  of(op: string): Record<string, unknown>[] {
    return this.asked.filter((one) => one.op === op).map(({ params }) => params)
  }
}

/** What follows from an answer has followed. */
const settled = () => new Promise((resolve) => setTimeout(resolve))

const stored = new Map<string, string>()
const storage = {
  getItem: (key: string) => stored.get(key) ?? null,
  setItem: (key: string, value: string) => stored.set(key, value),
  removeItem: (key: string) => stored.delete(key),
}
const chosen = { getDisplayMedia: () => Promise.resolve(newScreen().stream) }

function newScreen() {
  const stop = vi.fn()
  const track = Object.assign(new EventTarget(), { kind: 'video', stop })
  const stream = { getTracks: () => [track], getVideoTracks: () => [track], getAudioTracks: () => [] }
  return { stream, stop }
}

beforeEach(() => {
  stored.clear()
  const page = { visibilityState: 'visible' }
  vi.stubGlobal('WebSocket', FakeSocket)
  vi.stubGlobal('window', Object.assign(new EventTarget(), { innerWidth: 800, innerHeight: 600, devicePixelRatio: 1 }))
  vi.stubGlobal('document', Object.assign(new EventTarget(), page))
  vi.stubGlobal('location', { protocol: 'https:', host: 'meet.example.com', origin: 'https://meet.example.com' })
  vi.stubGlobal('localStorage', storage)
  vi.stubGlobal('sessionStorage', storage)
  vi.stubGlobal('matchMedia', () => ({ matches: false }))
  vi.stubGlobal('navigator', { mediaDevices: Object.assign(new EventTarget(), chosen) })
})
afterEach(() => vi.unstubAllGlobals())

const info = { meetingId: '1234-5678-1234-5678', topic: 'Weekly', state: 'open', inside: [] }
const hello = {
  session: 's',
  meeting: info,
  role: 'guest',
  iceServers: [],
  iceCandidatesToFilter: [],
  isResumed: false,
}
const anna = { id: 'par_1', name: 'Anna', microphone: false, camera: false, screen: false, handRaisedAt: null }
const ben = { ...anna, id: 'par_2', name: 'Ben' }
const joined = { self: anna, resumeToken: 'token', participants: [anna, ben], chat: [] }

/** Inside, to receive only: without devices. */
async function enter(): Promise<{ meeting: Meeting; socket: FakeSocket }> {
  const meeting = new Meeting({
    meetingId: '1234567812345678', hostToken: null, participantName: 'Anna', participantEmail: null,
    isJoinScreenSkipped: true, direction: 'receiveonly', layout: 'standard', culture: null,
  }) // biome-ignore format: as from an address
  meeting.start()
  const socket = FakeSocket.newest
  socket.onopen()
  await socket.answer('hello', { ...hello, self: null, resumeName: null })
  await socket.answer('join', joined)
  expect(meeting.store.get().phase).toBe('inside')
  return { meeting, socket }
}

/** Its socket broke, and the server does not know it any more: it asks to be let in again. */
async function comeBack(socket: FakeSocket): Promise<FakeSocket> {
  socket.onclose()
  const next = await vi.waitUntil(() => FakeSocket.newest !== socket && FakeSocket.newest)
  next.onopen()
  await next.answer('hello', { ...hello, self: anna, resumeName: 'Anna' })
  return next
}

it('who leaves while being let in again has left, whatever the server answers', async () => {
  const { meeting, socket } = await enter()
  const next = await comeBack(socket)
  const leaving = meeting.leave()
  await next.answer('join', joined)
  await next.answer('leave', {})
  await leaving
  expect(meeting.store.get().phase).toBe('over')
  expect([...stored.keys()].filter((key) => key.includes('place'))).toEqual([])
})

it('what it shows is said when it is inside again, not before', async () => {
  const { meeting, socket } = await enter()
  const next = await comeBack(socket)
  meeting.show([{ participantId: ben.id, source: 'screen', height: 720 }])
  expect(next.of('wanted')).toEqual([])
  await next.answer('join', joined)
  expect(next.of('wanted')).toMatchObject([{ wanted: [{ height: 720 }] }])
})

it('M4: media that were lost begin anew, also where the worker still has the connection', async () => {
  const { socket } = await enter()
  await socket.tell('media_lost', {})
  expect(socket.of('subscribe').at(-1)).toEqual({ fresh: true })
})

it('the meeting ends while the person still chooses what to show: nothing is captured after it', async () => {
  const { meeting, socket } = await enter()
  const choice = Promise.withResolvers<ReturnType<typeof newScreen>['stream']>()
  vi.stubGlobal('navigator', { mediaDevices: { getDisplayMedia: () => choice.promise } })
  const sharing = meeting.startShare()
  await socket.tell('bye', { reason: 'ended', by: null })
  const { stream, stop } = newScreen()
  choice.resolve(stream)
  await sharing
  expect(stop).toHaveBeenCalled()
  expect(meeting.store.get().screen).toBe(null)
})
