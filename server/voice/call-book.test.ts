/** What legs and people become in the log, also over a restart (T3): the records of real calls, as the writer takes them. */
import { expect, it } from 'vitest'
import { CallWorld } from '../../engine/testing/call-world.ts'
import { aCallflow, aPhoneNumber, aTrunk, node } from '../../engine/testing/directory.ts'
import type { LegId } from '../../engine/call/leg.ts'
import { legsOf } from '../../engine/call/snapshot.ts'
import { type CallRow, type LegTableRow, ofLife, type PersonRow } from '../store/call-batch.ts'
import { CallBook } from './call-book.ts'
import { Ladders } from './ladders.ts'

const newBook = () =>
  new CallBook({
    node: 'test',
    ladders: { take: () => ({ messages: '[]', room: 10 }), rest: () => null },
    isGone: () => true,
  })

/** As the statement does: what a call needs while it goes on is as it was where it did not change. */
function put(before: CallRow | undefined, row: CallRow): CallRow {
  if (before === undefined || row.ended_at !== null) return row
  const same = ofLife.filter((name) => row[name] === null).map((name) => [name, before[name]])
  return { ...row, ...Object.fromEntries(same) }
}

/** A world whose records go into a book, and all that the writer took of it. */
class Written {
  readonly world = CallWorld.withAliceAndBob()
  readonly book: CallBook
  readonly rows = new Map<string, CallRow>()
  readonly people = new Map<string, PersonRow>()
  readonly legRows: LegTableRow[] = []
  readonly events: { type: string; resourceId: string; resourceSeq: number; userId: string | null }[] = []
  readonly data: string[] = []
  /** Of each call, the SIP messages of its ladder. */
  readonly traces = new Map<string, string[]>()
  #read = 0

  constructor(book = newBook()) {
    this.book = book
  }

  /** As the writer does. */
  take(): PersonRow[] {
    const { records } = this.world
    for (; this.#read < records.length; this.#read += 1) {
      const record = records[this.#read]
      if (record) this.book.add(record)
    }
    const taken = this.book.take()
    for (const row of taken?.calls ?? []) this.rows.set(row.id, put(this.rows.get(row.id), row))
    for (const row of taken?.people ?? []) this.people.set(row.user_id, row)
    for (const { call_id: id, messages } of taken?.traces ?? []) {
      const texts = (JSON.parse(messages) as { message: string }[]).map(({ message }) => message.split(' ', 1)[0] ?? '')
      this.traces.set(id, [...(this.traces.get(id) ?? []), ...texts])
    }
    this.legRows.push(...(taken?.legs ?? []))
    for (const { row } of taken?.events ?? []) {
      const { type, resourceId, resourceSeq, userId = null, data } = row
      this.events.push({ type, resourceId, resourceSeq, userId })
      this.data.push(data)
    }
    return [...(taken?.people ?? [])]
  }

  /** Each event of the leg, with its version. */
  of(leg: LegId): (readonly [string, number])[] {
    const own = this.events.filter(({ resourceId }) => resourceId === leg)
    return own.map(({ type, resourceSeq }) => [type, resourceSeq] as const)
  }

  doing(user: string) {
    const { calls = [], is_talking: isTalking = false } = this.people.get(user) ?? {}
    return isTalking ? 'talking' : calls.length > 0 ? 'ringing' : 'nothing'
  }
}

function ringing() {
  const written = new Written()
  const { world } = written
  world.person('carol', '1003')
  const alice = world.call('alice-phone', '1002')
  const bob = world.dialled('bob-phone')
  world.rings(bob)
  return { written, world, alice, bob }
}

function talking() {
  const made = ringing()
  made.world.answers(made.bob)
  made.world.acks(made.alice)
  return made
}

/** Of the call that is there. */
const rowOf = ({ rows }: Written): CallRow => {
  const row = [...rows.values()].at(-1)
  if (!row) throw new Error('no row was written')
  return row
}

it('T1: a plain call writes eight events, and its legs are gone from its row', () => {
  const { written, world, alice, bob } = talking()
  written.take()
  expect(JSON.parse(rowOf(written).live_legs ?? '[]')).toMatchObject([
    { id: alice, seq: 0 },
    { id: bob, seq: 1 },
  ])
  world.hangsUp(alice)
  written.take()
  expect(written.events).toHaveLength(8)
  expect(written.of(bob)).toEqual([
    ['leg.ringing', 1],
    ['leg.ended', 2],
  ])
  expect(written.of(alice)).toEqual([['leg.ended', 1]])
  expect(written.legRows.map(({ hangup_cause, ended_by }) => [hangup_cause, ended_by])).toEqual([
    ['ANSWERED', 'party'],
    ['ANSWERED', 'system'],
  ])
  expect(rowOf(written).live_legs).toBeNull()
})

it('E6: an event of a leg is of whoever is at it, one outside of whose call it is', () => {
  const { written, bob } = ringing()
  written.take()
  expect(written.events.find(({ resourceId }) => resourceId === bob)).toMatchObject({ userId: 'bob' })
})

it('people ring, talk, and do nothing again; of each batch the last', () => {
  const { written, world, alice, bob } = ringing()
  written.take()
  expect([written.doing('alice'), written.doing('bob')]).toEqual(['talking', 'ringing'])
  world.answers(bob)
  world.acks(alice)
  expect(written.take().map(({ user_id }) => user_id)).toEqual(['bob'])
  expect(written.doing('bob')).toBe('talking')
  world.hangsUp(bob)
  written.take()
  expect([written.doing('alice'), written.doing('bob')]).toEqual(['nothing', 'nothing'])
})

it('whoever is handed on takes the place of the other', () => {
  const { written, world, bob } = talking()
  world.refers(bob, '1003')
  const carol = world.dialled('carol-phone')
  world.rings(carol)
  written.take()
  expect([written.doing('bob'), written.doing('carol')]).toEqual(['talking', 'ringing'])
  world.answers(carol)
  written.take()
  expect(['alice', 'bob', 'carol'].map((name) => written.doing(name))).toEqual(['talking', 'nothing', 'talking'])
})

it('T3: a call that nobody can go on with ends its legs with it, each once', () => {
  const { written, alice, bob } = ringing()
  written.take()
  const row = rowOf(written)
  const next = new Written()
  next.book.adopt(row, [], [])
  next.book.adoptPeople(['alice', 'bob', 'carol'], 0)
  next.book.lose(row.id)
  next.take()
  expect(next.of(alice)).toEqual([['leg.ended', 1]])
  expect(next.of(bob)).toEqual([['leg.ended', 2]])
  expect(next.events.map(({ type }) => type)).toEqual(['leg.ended', 'leg.ended', 'call.ended', 'cdr.final'])
  expect(JSON.parse(next.data[1] ?? '').leg).toMatchObject({
    status: 'ended',
    ended_by: 'system_restart',
    hangup_cause: 'FAILED',
    ended_at: row.heartbeat_at,
  })
  expect(next.legRows).toHaveLength(2)
  expect(['alice', 'bob', 'carol'].map((name) => next.people.get(name)?.calls)).toEqual([[], [], []])
})

it('T3: a call from outside that is lost while it rings stands in the history of whom it rang for', () => {
  const written = new Written()
  const { world } = written
  world.directory.put('trunk', aTrunk('carrier'))
  world.directory.put('phoneNumber', aPhoneNumber('+3225550102'))
  world.directory.put('callflow', aCallflow('flow-bob', ['1002', '+3225550102'], node('user', { id: 'bob' })))
  world.callFromTrunk('carrier', '+3225550102')
  world.rings(world.dialled('bob-phone'))
  written.take()
  const next = new Written()
  next.book.adopt(rowOf(written), [], [])
  next.book.lose(rowOf(written).id)
  next.take()
  expect(rowOf(next).owner_id).toBe('bob')
  expect(next.events.at(-1)).toMatchObject({ type: 'cdr.final', userId: 'bob' })
})

/** The next process goes on with the call of this row; `now`: its clock, where that matters. */
function restarted(row: CallRow, now?: number): Written {
  const next = new Written()
  next.world.person('carol', '1003')
  next.world.now = now ?? next.world.now
  const text = row.snapshot ?? ''
  next.book.adopt(row, [], legsOf(text))
  next.world.restore(text, () => true)
  next.take()
  next.book.loseLegs(row.id, 0, (leg) => next.world.calls.callOf(leg) !== undefined)
  return next
}

it('T3, T5: of a call that goes on the legs that rang are over, and the others end later', () => {
  const { written, world, alice, bob } = talking()
  world.act({ type: 'consult', leg: alice, to: { type: 'number', number: '1003' } })
  const carol = world.dialled('carol-phone')
  world.rings(carol)
  written.take()
  const next = restarted(rowOf(written))
  next.take()
  expect(next.events.map(({ type, resourceId }) => [type, resourceId])).toEqual([['leg.ended', carol]])
  expect(next.of(carol)).toEqual([['leg.ended', 2]])
  expect(next.doing('carol')).toBe('nothing')
  next.world.hangsUp(bob)
  next.take()
  expect([next.of(alice), next.of(bob)]).toEqual([[['leg.ended', 1]], [['leg.ended', 2]]])
})

it('T3, T5: a leg whose end was told stays over, although a snapshot brings it back', () => {
  const { written, world, alice, bob } = talking()
  world.act({ type: 'consult', leg: alice, to: { type: 'number', number: '1003' } })
  const carol = world.dialled('carol-phone')
  world.answers(carol)
  written.take()
  const { snapshot } = rowOf(written)
  expect(legsOf(snapshot ?? '')).toContain(carol)
  world.hangsUp(carol)
  written.take()
  expect(written.of(carol)).toEqual([
    ['leg.answered', 1],
    ['leg.ended', 2],
  ])
  const next = restarted({ ...rowOf(written), snapshot })
  next.world.hangsUp(carol)
  next.world.hangsUp(bob)
  next.take()
  expect(next.of(carol)).toEqual([])
  expect([next.of(alice), next.of(bob)]).toEqual([[['leg.ended', 1]], [['leg.ended', 2]]])
})

it.each([
  ['hung up', (world: CallWorld, leg: LegId) => world.hangsUp(leg)],
  ['was let go', (world: CallWorld) => void world.act({ type: 'cancel', leg: null })],
] as const)(
  'T3, T5, T32: who %s, while the call goes on, is not ended and billed again by the next process',
  (_how, leaves) => {
    const { written, world, alice, bob } = talking()
    world.directory.put('trunk', aTrunk('carrier'))
    world.act({ type: 'consult', leg: alice, to: { type: 'number', number: '0470123456' } })
    const outside = world.dialled()
    world.answers(outside)
    written.take()
    world.advance(10_000)
    leaves(world, outside)
    written.take()
    expect(written.of(outside).at(-1)).toEqual(['leg.ended', 2])
    const leftAt = world.now
    const next = restarted(rowOf(written), leftAt + 20_000)
    next.world.advance(5_000)
    next.world.hangsUp(bob)
    next.take()
    expect(next.world.commandsTo(outside)).toEqual([])
    expect(next.of(outside)).toEqual([])
    const ended = (leg: LegId) =>
      next.legRows.filter(({ id }) => id === leg).map(({ billing_seconds: seconds, ended_at: at }) => [seconds, at])
    expect(ended(outside)).toEqual([[10, new Date(leftAt).toISOString()]])
    expect(ended(alice)).toEqual([[0, new Date(next.world.now).toISOString()]])
  },
)

it('T33: what a leg says after it was handed on is of the call in which it is', () => {
  let at = 0
  const ladders = new Ladders(() => at++)
  const written = new Written(new CallBook({ node: 'test', ladders, isGone: () => true }))
  const { world, book } = written
  world.person('carol', '1003')
  const hop = { transport: 'udp', address: '192.0.2.1', port: 5060, flow: null } as const
  const says = (leg: LegId, message: string) => {
    ladders.noteIn(leg, message === 'INVITE', hop, Buffer.from(`${message} x\r\n\r\n`))
  }
  const answered = (caller: string, number: string, callee: string) => {
    const leg = world.call(caller, number)
    book.named(leg, leg)
    says(leg, 'INVITE')
    world.answers(world.dialled(callee))
    world.acks(leg)
    return leg
  }
  const alice = answered('alice-phone', '1002', 'bob-phone')
  const second = answered('bob-phone', '1003', 'carol-phone')
  const [from = '', to = ''] = [alice, second].map((leg) => world.calls.callOf(leg)?.id)
  says(alice, 'INFO')
  world.dialogs.set('second', second)
  world.refers(world.dialled('bob-phone'), '1003', { callId: 'second', toTag: 'a', fromTag: 'b', isEarlyOnly: false })
  written.take()
  expect(written.traces.get(from)).toEqual(['INVITE', 'INFO'])
  says(alice, 'BYE')
  book.endLadders(world.now + 1_000)
  world.hangsUp(alice)
  written.take()
  expect(written.traces.get(from)).toEqual(['INVITE', 'INFO'])
  expect(written.traces.get(to)).toEqual(['INVITE', 'INVITE', 'INFO', 'BYE'])
})
