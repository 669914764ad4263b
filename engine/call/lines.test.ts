import { describe, expect, it } from 'vitest'
import { CallWorld } from '../testing/call-world.ts'

const body = (lines: readonly string[]) =>
  `v=0\r\no=- 1 1 IN IP4 10.1.1.1\r\ns=-\r\nc=IN IP4 10.1.1.1\r\nt=0 0\r\n${lines.map((line) => `${line}\r\n`).join('')}`
const audio = (port = 4000) => [`m=audio ${port} RTP/AVP 8`, 'a=rtpmap:8 PCMA/8000']
const video = (port = 4002) => [
  `m=video ${port} RTP/AVP 97`,
  'a=rtpmap:97 H264/90000',
  'a=fmtp:97 profile-level-id=42e01f',
]
const fax = (port = 4004) => [`m=image ${port} udptl t38`, 'a=T38FaxVersion:0']
const text = ['m=text 4006 RTP/AVP 98', 'a=rtpmap:98 t140/1000']

function called(offer: string) {
  const world = CallWorld.withAliceAndBob()
  const alice = world.call('alice-phone', '1002', { sdp: offer })
  return { world, alice, bob: world.dialled('bob-phone') }
}
function talking(offer = body(audio()), answer = body(audio(5000))) {
  const parts = called(offer)
  parts.world.answers(parts.bob, answer)
  parts.world.acks(parts.alice)
  parts.world.takeLog()
  return parts
}
const portsOf = (sdp: string | null | undefined, kind: string) =>
  [...(sdp ?? '').matchAll(new RegExp(`m=${kind} (\\d+)`, 'g'))].map((match) => Number(match[1]))
const opened = (world: CallWorld, endpoint: string) =>
  world.orders.flatMap((order) => (order.type === 'open' && order.endpoint === endpoint ? [order.port] : []))

describe('T21: video', () => {
  it('of a door phone is relayed when the other side has it, on endpoints of its own', () => {
    const { world, alice, bob } = called(body([...audio(), ...video()]))
    expect(portsOf(world.dials[0]?.sdp, 'video')).toEqual(opened(world, `${bob}.video`))
    expect(world.dials[0]?.sdp).toContain('profile-level-id=42e01f')
    world.answers(bob, body([...audio(5000), ...video(5002)]))
    expect(portsOf(world.last(alice, 'answer')?.sdp, 'video')).toEqual(opened(world, `${alice}.video`))
    expect(world.log).toContain(`media bridge ${alice}.video ${bob}.video`)
    expect(world.orders).toContainEqual(
      expect.objectContaining({
        type: 'remote',
        endpoint: `${bob}.video`,
        remote: expect.objectContaining({ port: 5002, isOpaque: true }),
      }),
    )
    world.hangsUp(alice)
    const closed = world.orders.flatMap((order) => (order.type === 'close' ? [order.endpoint] : []))
    expect(closed.sort()).toEqual([alice, `${alice}.video`, bob, `${bob}.video`].sort())
  })

  it('T6: after a restart it may come from where the phone’s SIP comes from, as before', () => {
    const { world } = talking(body([...audio(), ...video()]), body([...audio(5000), ...video(5002)]))
    const next = CallWorld.withAliceAndBob('b')
    next.restore(world.recordsOf('snapshot').at(-1)?.text ?? '', () => true)
    const ofVideo = ({ orders }: CallWorld) =>
      orders.filter((order) => order.type === 'remote' && order.endpoint.endsWith('.video'))
    expect(ofVideo(next)).toHaveLength(2)
    expect(ofVideo(world)).toEqual(expect.arrayContaining(ofVideo(next)))
  })

  it('that the other side does not have is refused, and its ports go back', () => {
    const { world, alice, bob } = called(body([...audio(), ...video()]))
    world.answers(bob, body([...audio(5000), 'm=video 0 RTP/AVP 97']))
    expect(portsOf(world.last(alice, 'answer')?.sdp, 'video')).toEqual([0])
    const closed = world.orders.flatMap((order) => (order.type === 'close' ? [order.endpoint] : []))
    expect(closed).toEqual([`${bob}.video`, `${alice}.video`])
    expect(world.calls.size).toBe(1)
  })

  it('waits for its port too; one that cannot be opened leaves the sound', () => {
    const world = CallWorld.withAliceAndBob()
    world.isMediaStuck = true
    const alice = world.call('alice-phone', '1002', { sdp: body([...audio(), ...video()]) })
    world.media({ type: 'opened', endpoint: 'out3' })
    expect(world.dials).toEqual([])
    world.media({ type: 'open_failed', endpoint: 'out3.video', message: 'in use' })
    expect(portsOf(world.dials[0]?.sdp, 'audio')).toHaveLength(1)
    expect(portsOf(world.dials[0]?.sdp, 'video')).toEqual([])
    expect(world.last(alice, 'reject')).toBeUndefined()
  })

  it('an unknown line is answered in its place with port 0', () => {
    const { world, alice } = talking(body([...text, ...audio()]))
    const answer = world.last(alice, 'answer')?.sdp ?? ''
    expect(answer.indexOf('m=text 0')).toBeGreaterThan(0)
    expect(answer.indexOf('m=text 0')).toBeLessThan(answer.indexOf('m=audio'))
    expect(world.dials[0]?.sdp).not.toContain('m=text')
  })

  it('added later is offered to the other side first', () => {
    const { world, alice, bob } = talking()
    world.reinvites(alice, body([...audio(), ...video()]))
    expect(world.last(alice, 'answer_offer')).toBeUndefined()
    expect(portsOf(world.last(bob, 'offer')?.sdp, 'video')).toEqual(opened(world, `${bob}.video`))
    world.leg({ type: 'offer_result', leg: bob, status: 200, sdp: body([...audio(5000), ...video(5002)]) })
    expect(portsOf(world.last(alice, 'answer_offer')?.sdp, 'video')).toEqual(opened(world, `${alice}.video`))
    expect(world.log).toContain(`media bridge ${alice}.video ${bob}.video`)
    world.takeLog()
    world.reinvites(alice, body([...audio(), ...video()]))
    expect(world.takeLog().filter((line) => line.endsWith(' offer'))).toEqual([])
  })

  it('added later, but refused by the other side: the call stays up without it', () => {
    const { world, alice, bob } = talking()
    world.reinvites(alice, body([...audio(), ...video()]))
    world.leg({ type: 'offer_result', leg: bob, status: 488, sdp: null })
    expect(portsOf(world.last(alice, 'answer_offer')?.sdp, 'video')).toEqual([0])
    expect(world.last(alice, 'hangup')).toBeUndefined()
  })

  it('is not carried over to whom the call is handed on', () => {
    const { world, alice, bob } = talking(body([...audio(), ...video()]), body([...audio(5000), ...video(5002)]))
    world.person('carol', '1003')
    world.refers(bob, '1003')
    expect(world.log).toContain(`media close ${alice}.video`)
    world.answers(world.dialled('carol-phone'), body(audio(6000)))
    world.hangsUp(alice)
    expect(world.orders.filter(({ type }) => type === 'open')).toHaveLength(5)
    expect(world.orders.filter(({ type }) => type === 'close')).toHaveLength(5)
  })
})

describe('T21: T.38', () => {
  it('takes the place of the sound when both have it, and gives it back', () => {
    const { world, alice, bob } = talking()
    world.reinvites(bob, body([...audio(0), ...fax(5004)]))
    expect(portsOf(world.last(alice, 'offer')?.sdp, 'image')).toEqual(opened(world, `${alice}.image`))
    world.leg({ type: 'offer_result', leg: alice, status: 200, sdp: body(['m=audio 0 RTP/AVP 8', ...fax(4004)]) })
    expect(portsOf(world.last(bob, 'answer_offer')?.sdp, 'image')).toEqual(opened(world, `${bob}.image`))
    expect(world.log).toContain(`media bridge ${bob}.image ${alice}.image`)
    world.media({ type: 'timeout', endpoint: alice })
    expect(world.calls.size).toBe(1)
    world.reinvites(bob, body(audio(5000)))
    expect(portsOf(world.last(alice, 'offer')?.sdp, 'image')).toEqual([0])
    world.leg({ type: 'offer_result', leg: alice, status: 200, sdp: body([...audio(), 'm=image 0 udptl t38']) })
    expect(world.log).toContain(`media close ${alice}.image`)
    world.hangsUp(alice)
    expect(world.timers.size).toBe(0)
  })

  it('that the other side refuses is refused, and the call stays up', () => {
    const { world, alice, bob } = talking()
    world.reinvites(bob, body(fax(5004)))
    world.leg({ type: 'offer_result', leg: alice, status: 488, sdp: null })
    expect(world.last(bob, 'reject_offer')?.status).toBe(488)
    expect(world.calls.size).toBe(1)
  })
})
