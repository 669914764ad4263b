import { expect, it } from 'vitest'
import type { Hop } from '../../engine/sip/hop.ts'
import { type ParseFault, parseMessage, type SipMessage } from '../../engine/sip/message.ts'
import type { RegistrationRow } from '../store/registrations.ts'
import type { SignIn } from './directories.ts'
import { type DeviceOfBindings, Registrations } from './registrations.ts'

const signIn = {
  accountId: 'acc',
  password: 'secret',
  realm: 'pbx.example',
  algorithm: 'MD5',
  isEnabled: true,
  ownerId: 'usr',
} as const
const desk = { ...signIn, deviceId: 'dev_desk', username: 'desk' }
const home = { ...signIn, deviceId: 'dev_home', username: 'home' }
const at = (port: number, flow = 'udp4:5060'): Hop => ({ transport: 'udp', address: '192.0.2.7', port, flow })

type Device = DeviceOfBindings & SignIn

function place(
  isAlive: (flow: string) => boolean = () => true,
  write?: (kept: readonly RegistrationRow[]) => Promise<void>,
  clock = () => 1_000_000,
) {
  const written: RegistrationRow[][] = []
  const told: string[] = []
  const owners: (string | null)[] = []
  const registrations = new Registrations({
    node: 'voice-0',
    clock,
    log: { warn: () => {} } as never,
    write: write ?? (async (kept) => void written.push([...kept])),
    isAlive,
    mark: (text) => `marked ${text.length}`,
    changed: ({ deviceId, ownerId }, change) => {
      owners.push(ownerId)
      if (change.type === 'removed') told.push(`${deviceId} ${change.reason}`)
      return null
    },
  })
  let cseq = 0
  /** Resolves with the status of the answer. */
  const register = (device: Device, source: Hop, expires = 300, regId: number | null = null) => {
    const { username } = device
    const flow = regId === null ? '' : `;+sip.instance="<urn:uuid:${username}>";reg-id=${regId}`
    cseq += 1
    const lines = [
      `REGISTER sip:pbx.example SIP/2.0`,
      `Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK${cseq}`,
      `From: <sip:${username}@pbx.example>;tag=1`,
      `To: <sip:${username}@pbx.example>`,
      `Call-ID: of-${username}`,
      `CSeq: ${cseq} REGISTER`,
      `Contact: <sip:${username}@192.0.2.7:${source.port}>;expires=${expires}${flow}`,
      `Supported: outbound`,
    ]
    const request: SipMessage | ParseFault = parseMessage(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`))
    if (request.isFault) throw new Error(request.reason)
    return new Promise<number>((resolve) =>
      registrations.register(request, source, device, ({ status }) => resolve(status)),
    )
  }
  return { registrations, register, written, told, owners }
}

it('T14: it is known who is registered from an address and port, through refreshes, moves and ends', async () => {
  const { registrations, register } = place()
  expect(await register(desk, at(5_060))).toBe(200)
  expect(await register(desk, at(5_060))).toBe(200)
  expect(registrations.ownerAt(at(5_060))).toBe(desk.deviceId)
  expect(registrations.ownerAt(at(5_061))).toBe(null)
  await register(desk, at(5_061))
  expect([registrations.ownerAt(at(5_060)), registrations.ownerAt(at(5_061))]).toEqual([null, desk.deviceId])
  expect(registrations.hasAddress('192.0.2.7')).toBe(true)
  await register(desk, at(5_061), 0)
  expect(registrations.ownerAt(at(5_061))).toBe(null)
  expect(registrations.hasAddress('192.0.2.7')).toBe(false)
})

it('a phone with two ways to us is called by one, the latest that is alive (RFC 5626 section 7)', async () => {
  const closed = new Set<string>()
  const { registrations, register } = place((flow) => !closed.has(flow))
  const called = () => registrations.contacts(desk.deviceId).map(({ target }) => target.uri)
  await register(desk, at(5_060, 'tcp:epoch:1'), 300, 1)
  await register(desk, at(5_061, 'tcp:epoch:2'), 300, 2)
  expect(registrations.sources(desk.deviceId)).toHaveLength(2)
  expect(called()).toHaveLength(1)
  closed.add('tcp:epoch:1')
  expect(called()).toEqual(['sip:desk@192.0.2.7:5061'])
  closed.clear()
  closed.add('tcp:epoch:2')
  expect(called()).toEqual(['sip:desk@192.0.2.7:5060'])
})

it('two devices behind one proxy are both there until both have gone', async () => {
  const { registrations, register } = place()
  await register(desk, at(5_060))
  await register(home, at(5_060))
  await register(home, at(5_060), 0)
  expect(registrations.ownerAt(at(5_060))).toBe(desk.deviceId)
  registrations.drop(null, () => undefined)
  expect(registrations.ownerAt(at(5_060))).toBe(null)
})

it('T7: a binding over a connection leads nowhere once that is closed, and is written all the same', async () => {
  let isOpen = true
  const { registrations, register, written } = place(() => isOpen)
  await register(desk, at(5_060, 'tcp:epoch:1'))
  expect(registrations.sources(desk.deviceId)).toHaveLength(1)
  isOpen = false
  expect(registrations.sources(desk.deviceId)).toEqual([])
  expect(written.flat()).toMatchObject([{ deviceId: desk.deviceId, contactPort: 5_060 }])
})

it('ends with the device, and with what it signed in by; what stays the same changes nothing', async () => {
  const { registrations, register, told } = place()
  await register(desk, at(5_060))
  await register(home, at(5_061))
  registrations.drop(null, (id) => (id === desk.deviceId ? desk : { ...home, algorithm: 'SHA-256' }))
  expect(told).toEqual([])
  registrations.drop(null, (id) => (id === desk.deviceId ? { ...desk, password: 'another one' } : home))
  expect(told).toEqual(['dev_desk credentials_changed'])
  expect([registrations.ownerAt(at(5_060)), registrations.contacts(home.deviceId).length]).toEqual([null, 1])
  registrations.drop(null, () => ({ ...home, isEnabled: false }))
  await register(desk, at(5_060))
  registrations.drop(null, () => undefined)
  expect(told.slice(1)).toEqual(['dev_home disabled', 'dev_desk deleted'])
  expect(registrations.size).toBe(0)
})

it('asks nothing of devices of other accounts than the one that changed', async () => {
  const { registrations, register, told } = place()
  await register(desk, at(5_060))
  await register({ ...home, accountId: 'another' }, at(5_061))
  const asked: string[] = []
  registrations.drop('another', (id) => void asked.push(id))
  expect([asked, told]).toEqual([[home.deviceId], ['dev_home deleted']])
  expect(registrations.sources(desk.deviceId)).toHaveLength(1)
})

it('the end of a device is told of the owner that it had last', async () => {
  const { registrations, register, owners } = place()
  await register(desk, at(5_060))
  registrations.drop('acc', () => ({ ...desk, ownerId: 'heir' }))
  registrations.drop('acc', () => undefined)
  expect(owners).toEqual(['usr', 'heir'])
})

it('T7: what was changed while the process was away ends the bindings of before', async () => {
  const { register, written } = place()
  await register(desk, at(5_060))
  await register(home, at(5_061))
  const next = place()
  const devices = new Map([
    [desk.deviceId, { ...desk, password: 'another one' }],
    [home.deviceId, home],
  ])
  next.registrations.restore(written.flat(), (id) => devices.get(id))
  expect(next.told).toEqual(['dev_desk credentials_changed'])
  expect(next.registrations.sources(home.deviceId)).toMatchObject([{ port: 5_061 }])
})

it('another user than the one who signed in is not registered', async () => {
  const { registrations } = place()
  const request = parseMessage(
    Buffer.from(
      [
        'REGISTER sip:pbx.example SIP/2.0',
        'Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKx',
        'From: <sip:home@pbx.example>;tag=1',
        'To: <sip:home@pbx.example>',
        'Call-ID: x',
        'CSeq: 1 REGISTER',
        'Contact: <sip:home@192.0.2.7>',
        '\r\n',
      ].join('\r\n'),
    ),
  )
  if (request.isFault) throw new Error(request.reason)
  const status = await new Promise((resolve) =>
    registrations.register(request, at(5_060), desk, (parts) => resolve(parts.status)),
  )
  expect(status).toBe(403)
})

it('T7: what was refreshed while a write was under way is written before the process ends', async () => {
  const written: RegistrationRow[][] = []
  const begun = Promise.withResolvers<void>()
  const first = Promise.withResolvers<void>()
  const { registrations, register } = place(undefined, async (kept) => {
    written.push([...kept])
    begun.resolve()
    if (written.length === 1) await first.promise
  })
  const answered = register(desk, at(5_060))
  await begun.promise
  void register(home, at(5_061))
  const stopped = registrations.stop()
  first.resolve()
  await stopped
  expect(await answered).toBe(200)
  expect(written.flat().map(({ deviceId }) => deviceId)).toEqual([desk.deviceId, home.deviceId])
})

const many = Array.from({ length: 2_500 }, (_, at) => ({ ...signIn, deviceId: `dev_${at}`, username: `phone${at}` }))

it('T7: many devices are written in several writes, and answered each when it is written', async () => {
  const second = Promise.withResolvers<void>()
  const sizes: number[] = []
  const { register } = place(undefined, async (kept) => {
    sizes.push(kept.length)
    if (sizes.length === 2) await second.promise
  })
  const answers = many.map((device) => register(device, at(5_060)))
  expect(await answers[999]).toBe(200)
  expect(sizes).toEqual([1_000])
  second.resolve()
  await Promise.all(answers)
  expect(sizes).toEqual([1_000, 1_000, 500])
})

it('T7: what the database refuses holds up no other device for long, and is not tried all the time', async () => {
  const attempts: { readonly first: string | undefined; readonly at: number }[] = []
  const others = Promise.withResolvers<void>()
  const { registrations, register } = place(undefined, async ([row]) => {
    attempts.push({ first: row?.deviceId, at: performance.now() })
    if (row?.deviceId === 'dev_0') throw new Error('refused')
    others.resolve()
  })
  for (const device of many.slice(0, 2_000)) void register(device, at(5_060))
  await others.promise
  expect(attempts.map(({ first }) => first)).toEqual(['dev_0', 'dev_1000'])
  await registrations.stop()
  expect((attempts[1]?.at ?? 0) - (attempts[0]?.at ?? 0)).toBeGreaterThan(900)
})

it('T7: a phone that found nobody while it had to refresh is there until it comes again, within a minute', async () => {
  const { register, written, registrations } = place()
  await register(desk, at(5_060), 120)
  await registrations.stop()
  const restoredAfter = (seconds: number) => {
    let now = 1_000_000 + seconds * 1_000
    const next = place(undefined, undefined, () => now).registrations
    next.restore(written.flat(), () => desk)
    const isThereAfter = (later: number) => {
      now += later * 1_000
      return next.contacts(desk.deviceId).length === 1
    }
    return isThereAfter
  }
  for (const seconds of [100, 120, 170]) {
    const isThereAfter = restoredAfter(seconds)
    expect([isThereAfter(59), isThereAfter(2)]).toEqual([true, false])
  }
  // What had ended long before ends with the others that do not come back.
  expect(restoredAfter(190)(0)).toBe(false)
})
