/**
 * Phones, carriers and whoever commands do anything at any time, also what crosses an end: whatever comes, each call ends
 * once, with one history row, each command that was accepted has its event, and nothing is left behind.
 */
import { expect, it } from 'vitest'
import { CallWorld, sdp } from '../testing/call-world.ts'
import { aCallflow, aForward, anAccount, aPhoneNumber, aTrunk, aUser, node } from '../testing/directory.ts'
import { drawInteger, seededRandom } from '../testing/random.ts'
import type { CallAction, CommandId, CommandRefusal } from './command.ts'
import type { LegId } from './leg.ts'

type State = 'incoming' | 'dialled' | 'talking' | 'over'

class Chaos {
  readonly world = CallWorld.withAliceAndBob()
  /** Commands that were not refused. */
  readonly accepted: CommandId[] = []
  readonly #random: () => number
  readonly #legs = new Map<LegId, State>()
  #seen = 0

  constructor(seed: number) {
    this.#random = seededRandom(seed)
    const { world } = this
    const { directory } = world
    world.person('carol', '1003')
    world.prompts.set('forward_press_1', '/press.wav')
    directory.account = anAccount({
      failoverNumber: '0470999999',
      limits: { ...directory.account.limits, maxNumberSimCalls: 12, maxCallSeconds: 7200, maxNumberFwdCalls: 3 },
    })
    directory.put('user', aUser('bob', { callForward: aForward('0470111111', { requireKeyPress: true }) }))
    directory.put('trunk', aTrunk('one', { trunkOrder: 1, maxCalls: 4 }))
    directory.put('trunk', aTrunk('two', { trunkOrder: 2, maxCalls: 4 }))
    directory.put('phoneNumber', aPhoneNumber('+3225550101'))
    directory.put('media', { id: 'm', path: '/m.wav' })
    const carol = node(
      'user',
      { id: 'carol', timeout: 20 },
      { busy: node('play', { id: 'm' }), _: node('user', { id: 'alice' }) },
    )
    directory.put('callflow', aCallflow('main', ['1100', '+3225550101'], node('play', { id: 'm' }, { _: carol })))
    world.bindings.set('carol-phone', 2)
  }

  step(): void {
    const { world } = this
    this.#look()
    const actions = [
      () => this.#call(),
      () => this.#call(),
      () => world.advance(this.#draw(6000)),
      () => this.#withDialled((leg) => world.rings(leg, this.#maybe(3) ? sdp() : null)),
      () => this.#withDialled((leg) => world.answers(leg, this.#sdp())),
      () => this.#withDialled((leg) => world.answers(leg, this.#sdp())),
      () => this.#withDialled((leg) => this.#fails(leg)),
      () => this.#with('incoming', (leg) => this.#ends(leg, () => world.cancels(leg))),
      () => this.#with('talking', (leg) => this.#ends(leg, () => world.hangsUp(leg))),
      () => this.#with('talking', (leg) => world.reinvites(leg, this.#maybe(4) ? null : this.#sdp())),
      () => this.#with('talking', (leg) => world.leg({ type: 'acked', leg, sdp: this.#maybe(3) ? this.#sdp() : null })),
      () => this.#with('talking', (leg) => world.refers(leg, this.#number())),
      () => this.#with('talking', (leg) => this.#attended(leg)),
      () => this.#with('talking', (leg) => this.#replace(leg)),
      () => this.#with('dialled', (leg) => this.#replace(leg)),
      () => this.#with('talking', (leg) => world.press(leg, this.#maybe(3) ? '2' : '1')),
      () => this.#media(),
      () => this.#command(),
      () => this.#command(),
      () => this.#command(),
      () => this.#command(),
      () => this.#late(),
      () => this.#stuck(),
    ]
    actions[this.#draw(actions.length)]?.()
  }

  /** Everybody hangs up. */
  finish(): void {
    const { world } = this
    world.isWriterStuck = false
    world.isMediaStuck = false
    world.flush()
    this.#look()
    for (const [leg, state] of [...this.#legs]) {
      if (state === 'incoming') world.cancels(leg)
      if (state === 'talking') world.hangsUp(leg)
      if (state === 'dialled') world.fails(leg, 480)
      this.#look()
    }
    world.advance(600_000)
  }

  /** What our commands did to the legs. */
  #look(): void {
    const { commands } = this.world
    for (; this.#seen < commands.length; this.#seen += 1) {
      const command = commands[this.#seen]
      if (!command) return
      if (command.type === 'dial') this.#legs.set(command.leg, 'dialled')
      if (command.type === 'answer') this.#legs.set(command.leg, 'talking')
      if (command.type === 'hangup' || command.type === 'reject') this.#legs.set(command.leg, 'over')
    }
  }

  #call(): void {
    const { world } = this
    const offer = { sdp: this.#maybe(6) ? null : this.#sdp() }
    const device = ['alice-phone', 'bob-phone', 'carol-phone'][this.#draw(3)] ?? ''
    const leg = this.#maybe(4)
      ? world.callFromTrunk('one', '+3225550101', offer)
      : world.call(device, this.#number(), offer)
    if (!world.commandsTo(leg).some(({ type }) => type === 'reject')) this.#legs.set(leg, 'incoming')
  }

  #command(): void {
    const { world } = this
    const leg = this.#pick((_, state) => state === (this.#maybe(4) ? 'dialled' : 'talking'))
    if (leg === null) return
    const by = { type: 'user', userId: ['alice', 'bob', 'carol'][this.#draw(3)] ?? '' } as const
    const to = this.#maybe(2) ? by : ({ type: 'number', number: this.#number() } as const)
    const isAutoAnswer = this.#maybe(2)
    const meeting = { meetingId: 'm', participantId: `of ${leg}`, number: '5', topic: 'Topic', worker: 0 }
    const actions: readonly CallAction[] = [
      ...(['answer', 'reject', 'hold', 'unhold', 'mute', 'unmute', 'park', 'hangup'] as const).map((type) => ({
        type,
        leg,
      })),
      ...(['complete', 'cancel', 'merge'] as const).map((type) => ({ type, leg: null })),
      ...(['transfer', 'consult', 'consult'] as const).map((type) => ({ type, leg, to })),
      ...(['retrieve', 'pickup'] as const).map((type) => ({ type, by, isAutoAnswer })),
      ...(['start', 'pause', 'stop'] as const).map((action) => ({ type: 'record' as const, action })),
      ...(['whisper', 'barge'] as const).map((mode) => ({ type: 'monitor' as const, mode, by, leg, isAutoAnswer })),
      { type: 'dtmf', leg, digits: '12' },
      { type: 'to_meeting', leg, meeting },
    ]
    const action = actions[this.#draw(actions.length)]
    if (this.#maybe(8)) this.#obeyed(world.originate({ from: by, to, isAutoAnswer }))
    else if (action) this.#obeyed(world.act(action, { leg }))
  }

  #obeyed(refusal: CommandRefusal | null): void {
    const id = this.world.commandIds.at(-1)
    if (refusal === null && id !== undefined) this.accepted.push(id)
  }

  #number(): string {
    return ['1001', '1002', '1003', '1100', '0470123456', '112', '2999', '+33140000000'][this.#draw(8)] ?? ''
  }

  #sdp(): string {
    const direction = ['sendrecv', 'sendrecv', 'sendonly', 'inactive'][this.#draw(4)] ?? ''
    const codecs =
      [['8 PCMA'], ['0 PCMU', '101 telephone-event'], ['9 G722', '8 PCMA'], ['18 G729']][this.#draw(4)] ?? []
    return this.#maybe(12) ? 'nonsense' : sdp({ direction, codecs, port: 4000 + 2 * this.#draw(500) })
  }

  #fails(leg: LegId): void {
    const status = [486, 480, 404, 503, 408, 603, 302, 487, 500][this.#draw(9)] ?? 480
    const contacts = status === 302 ? [`sip:${this.#number()}@pbx`] : []
    this.#ends(leg, () => this.world.fails(leg, status, { contacts, isTimeout: status === 408 && this.#maybe(2) }))
  }

  #attended(leg: LegId): void {
    const other = this.#pick((_, state) => state === 'talking' || state === 'incoming')
    if (other === null) return
    this.world.dialogs.set('d', other)
    this.world.refers(leg, '1003', { callId: 'd', toTag: 'a', fromTag: 'b', isEarlyOnly: this.#maybe(2) })
  }

  #replace(leg: LegId): void {
    this.world.dialogs.set('d', leg)
    const replaces = { callId: 'd', toTag: 'a', fromTag: 'b', isEarlyOnly: this.#maybe(2) }
    this.world.call('carol-phone', '1002', { replaces, sdp: this.#maybe(5) ? null : this.#sdp() })
  }

  #media(): void {
    const { world } = this
    const play = world.orders.findLast((order) => order.type === 'play')
    if (play?.type === 'play') world.media({ type: 'played', endpoint: play.endpoint, play: play.play, reason: 'end' })
    const endpoint = this.#pick(() => true)
    if (endpoint === null || !this.#maybe(4)) return
    if (this.#maybe(2)) world.media({ type: 'timeout', endpoint })
    else world.media({ type: 'open_failed', endpoint, message: 'chaos' })
  }

  /** What crosses the end of a leg. */
  #late(): void {
    const leg = this.#pick((_, state) => state === 'over')
    if (leg === null) return
    const { world } = this
    const events = [
      () => world.answers(leg),
      () => world.hangsUp(leg),
      () => world.fails(leg, 487),
      () => world.reinvites(leg, sdp()),
      () => world.refers(leg, '1003'),
    ]
    events[this.#draw(events.length)]?.()
  }

  #stuck(): void {
    const { world } = this
    world.isWriterStuck = this.#maybe(2)
    if (!world.isWriterStuck) world.flush()
    if (this.#maybe(3)) world.unregistered.add('alice-phone')
    else world.unregistered.clear()
    world.portsLeft = this.#maybe(10) ? 0 : 1000
  }

  #withDialled(act: (leg: LegId) => void): void {
    this.#with('dialled', (leg) => {
      act(leg)
      this.#look()
      // A 200 makes it a leg that talks, unless we hung it up at once.
      const isAnswered = this.world.calls.callOf(leg)?.legs.get(leg)?.state === 'answered'
      if (isAnswered && this.#legs.get(leg) === 'dialled') this.#legs.set(leg, 'talking')
    })
  }

  #with(state: State, act: (leg: LegId) => void): void {
    const leg = this.#pick((_, one) => one === state)
    if (leg !== null) act(leg)
  }

  #ends(leg: LegId, act: () => void): void {
    this.#legs.set(leg, 'over')
    act()
  }

  #pick(which: (leg: LegId, state: State) => boolean): LegId | null {
    const legs = [...this.#legs].filter(([leg, state]) => which(leg, state))
    return legs[this.#draw(legs.length)]?.[0] ?? null
  }

  #maybe(oneIn: number): boolean {
    return this.#draw(oneIn) === 0
  }

  #draw(end: number): number {
    return drawInteger(this.#random, end)
  }
}

it.each(Array.from({ length: 40 }, (_, index) => index + 1))(
  'T3, seed %i: every call ends once, and nothing is left',
  (seed) => {
    const chaos = new Chaos(seed)
    for (let step = 0; step < 400; step += 1) chaos.step()
    chaos.finish()
    const { world } = chaos
    expect(world.calls.size).toBe(0)
    expect(world.timers.size).toBe(0)
    const started = world
      .recordsOf('event')
      .filter(({ event }) => event === 'call.started')
      .map(({ call }) => call.id)
    const ended = world
      .recordsOf('event')
      .filter(({ event }) => event === 'call.ended')
      .map(({ call }) => call.id)
    expect(started.length).toBeGreaterThan(20)
    expect(new Set(started).size).toBe(started.length)
    expect([...ended].sort()).toEqual([...started].sort())
    expect(
      world
        .recordsOf('cdr')
        .map(({ cdr }) => cdr.callId)
        .sort(),
    ).toEqual([...started].sort())
    const rows = world.recordsOf('leg').map(({ leg }) => leg.id)
    expect(new Set(rows).size).toBe(rows.length)
    expect(endedLegs(world).sort()).toEqual([...rows].sort())
    const endpoints = (type: 'open' | 'close') =>
      world.orders.flatMap((order) => (order.type === type ? [order.endpoint] : [])).sort()
    expect(endpoints('close')).toEqual(endpoints('open'))
    for (const name of ['alice', 'bob', 'carol']) expect(world.calls.isInUse(`${name}-phone`)).toBe(false)
    for (const key of ['sim:acme', 'in:acme', 'out:acme', 'fwd:acme', 'trunk:one', 'trunk:two']) {
      expect(world.calls.limits.count(key), key).toBe(0)
    }
    expectOrder(world)
    // E7: each has its event.
    expect(world.caused.map(([, command]) => command)).toEqual(expect.arrayContaining(chaos.accepted))
  },
)

/** Of each leg nothing comes after its end, which is before that of its call. */
function endedLegs(world: CallWorld): LegId[] {
  const over: LegId[] = []
  const ended = new Set<string>()
  for (const record of world.records) {
    if (record.type === 'event' && record.event === 'call.ended') ended.add(record.call.id)
    if (record.type !== 'leg_event') continue
    expect(ended.has(record.callId), record.event).toBe(false)
    expect(over, record.event).not.toContain(record.leg.id)
    if (record.event === 'leg.ended') over.push(record.leg.id)
  }
  return over
}

/** T2, and that nothing comes after the end. */
function expectOrder(world: CallWorld): void {
  const over = new Set<string>()
  for (const record of world.records) {
    if (record.type !== 'event') continue
    expect(over.has(record.call.id), record.event).toBe(false)
    if (record.event === 'call.ended') over.add(record.call.id)
  }
  const answered = world.commands.filter(({ type }) => type === 'answer').map(({ leg }) => leg)
  expect(new Set(answered).size).toBe(answered.length)
}
