import { describe, expect, it } from 'vitest'
import { anAnswer, aRequest } from '../testing/sip-text.ts'
import { SipWorld } from '../testing/sip-world.ts'
import { formatDialogInfo, type WatchedDialog } from './dialog-info.ts'
import { parseWord } from './headers.ts'
import type { Hop } from './hop.ts'
import type { SipMessage } from './message.ts'
import { type SubscriptionState, Subscriptions } from './subscriptions.ts'

const accountId = 'acc_1'
const subscriber = { accountId, deviceId: 'dev_1', resource: '1002' }
const ringing: WatchedDialog = {
  ...{ id: 'call_1', direction: 'recipient', state: 'early', replaces: { callId: 'c', localTag: 'l', remoteTag: 'r' } },
  remote: { uri: 'sip:1001@pbx.example', name: 'Ålice & <Bob>' },
}

/** Our side, and a phone that subscribes to it and answers what it is sent. */
class Lamps {
  readonly world = new SipWorld()
  readonly node = this.world.node('us', '192.0.2.1')
  readonly phone = this.world.peer('phone', '192.0.2.7')
  readonly written = new Map<string, SubscriptionState>()
  readonly notifies: SipMessage[] = []
  readonly answers: SipMessage[] = []
  dialogs: readonly WatchedDialog[] = []
  reach: (state: SubscriptionState) => Hop | null = ({ source }) => source
  /** What the phone says to a NOTIFY; null: nothing. */
  status: number | null = 200
  as = subscriber as { accountId: string; deviceId: string; resource: string | null }
  subscriptions = this.restart()
  #cseq = 0

  constructor() {
    this.node.onRequest = (transaction) => this.subscriptions.subscribe(this.world.now, transaction, this.as)
    this.phone.onMessage = (message) => {
      if (!message.isRequest) return void this.answers.push(message)
      this.notifies.push(message)
      if (this.status !== null) this.phone.send(this.node, anAnswer(message, this.status, { tag: '' }))
    }
  }

  restart(): Subscriptions {
    this.subscriptions = new Subscriptions({
      ...{
        transactions: this.node.transactions,
        queue: this.world.queue,
        agent: 'Carillon',
        fraction: this.world.random,
      },
      dialogs: () => this.dialogs,
      reach: (state) => this.reach(state),
      onChange: (id, state) => (state === null ? this.written.delete(id) : this.written.set(id, state)),
      limits: { minSeconds: 60, maxSeconds: 3_600, maxPerDevice: 2 },
    })
    return this.subscriptions
  }

  /** Sends a SUBSCRIBE and gives our answer to it. */
  subscribe(
    said: { expires?: number; toTag?: string; cseq?: number; more?: string[]; callId?: string; fromTag?: string } = {},
  ) {
    this.#cseq += 1
    const { expires, more = ['Event: dialog', 'Contact: <sip:phone@192.0.2.7>'], cseq = this.#cseq, ...rest } = said
    const lines = expires === undefined ? more : [...more, `Expires: ${expires}`]
    const request = aRequest('SUBSCRIBE', { branch: `z9hG4bK${this.#cseq}`, cseq, more: lines, ...rest })
    this.phone.send(this.node, request)
    this.world.run(10)
    const answer = this.answers.at(-1)
    if (answer === undefined) throw new Error('no answer')
    return answer
  }

  change(...dialogs: WatchedDialog[]): void {
    this.dialogs = dialogs
    this.subscriptions.changed(this.world.now, accountId, '1002')
    this.world.run(10)
  }

  /** State and version of each NOTIFY. */
  get told(): string[] {
    const pattern = / version="(\d+)"|<state>(\w+)/g
    return this.notifies.map(({ text }) => [...text.matchAll(pattern)].map((match) => match[1] ?? match[2]).join(' '))
  }
  get states(): (string | undefined)[] {
    return this.notifies.map((notify) => notify.header('subscription-state'))
  }
}

describe('RFC 6665 a subscription to the calls of a number', () => {
  it('is accepted, told at once, at each change, and at its end', () => {
    const lamps = new Lamps()
    const answer = lamps.subscribe({ expires: 600 })
    expect(answer).toMatchObject({ status: 200, method: 'SUBSCRIBE' })
    expect(answer.header('expires')).toBe('600')
    expect(answer.header('contact')).toBe('<sip:carillon@192.0.2.1:5060>')
    lamps.change(ringing)
    lamps.change({ ...ringing, state: 'confirmed' })
    lamps.change()
    expect(lamps.told).toEqual(['0 terminated', '1 early', '2 confirmed', '3 terminated'])
    const [first] = lamps.notifies
    expect(first).toMatchObject({ uri: 'sip:phone@192.0.2.7', callId: 'call-1', toTag: 'alice', fromTag: answer.toTag })
    expect(first?.header('event')).toBe('dialog')
    expect(first?.header('content-type')).toBe('application/dialog-info+xml')
    expect(lamps.states).toEqual(Array(4).fill('active;expires=600'))
    expect(lamps.notifies.map(({ cseq }) => cseq)).toEqual([1, 2, 3, 4])
    lamps.world.run()
    expect(lamps.states.at(-1)).toBe('terminated;reason=timeout')
    expect([lamps.subscriptions.size, lamps.written.size, lamps.world.queue.size]).toEqual([0, 0, 0])
  })
  it('is refreshed in its dialog, by which its contact may change', () => {
    const lamps = new Lamps()
    const toTag = lamps.subscribe({ expires: 600 }).toTag
    lamps.world.run(500_000)
    const again = lamps.subscribe({ expires: 900, toTag, more: ['Event: dialog', 'Contact: <sip:new@192.0.2.7>'] })
    expect([again.status, again.toTag, again.header('expires')]).toEqual([200, toTag, '900'])
    expect(lamps.notifies.at(-1)).toMatchObject({ uri: 'sip:new@192.0.2.7' })
    lamps.world.run(800_000)
    expect(lamps.subscriptions.size).toBe(1)
    expect(lamps.subscribe({ expires: 0, toTag }).status).toBe(200)
    expect(lamps.states.at(-1)).toBe('terminated;reason=timeout')
    expect(lamps.subscriptions.size).toBe(0)
  })
  it('§4.4.3: with Expires: 0 it is only asked', () => {
    const lamps = new Lamps()
    lamps.dialogs = [ringing]
    expect(lamps.subscribe({ expires: 0 }).header('expires')).toBe('0')
    expect([lamps.told, lamps.states]).toEqual([['0 early'], ['terminated;reason=timeout']])
    expect([lamps.subscriptions.size, lamps.written.size]).toEqual([0, 0])
  })
  it('lasts an hour unless it says, and at most', () => {
    const lamps = new Lamps()
    expect(lamps.subscribe().header('expires')).toBe('3600')
    expect(lamps.subscribe({ expires: 86_400, callId: 'call-2' }).header('expires')).toBe('3600')
  })
  it('gets one NOTIFY at a time; what changes meanwhile is in the next', () => {
    const lamps = new Lamps()
    lamps.status = null
    lamps.subscribe()
    lamps.change(ringing)
    lamps.change({ ...ringing, state: 'confirmed' })
    expect(lamps.told).toEqual(['0 terminated'])
    lamps.status = 200
    lamps.world.run(1_000)
    expect(lamps.told.slice(-1)).toEqual(['1 confirmed'])
  })
  it('hears only of its own number', () => {
    const lamps = new Lamps()
    lamps.subscribe()
    lamps.subscriptions.changed(lamps.world.now, accountId, '1003')
    lamps.subscriptions.changed(lamps.world.now, 'acc_2', '1002')
    lamps.world.run(10)
    expect(lamps.notifies.length).toBe(1)
  })
  it('is ended by us, with a reason', () => {
    const lamps = new Lamps()
    lamps.subscribe()
    lamps.subscriptions.endWhere(lamps.world.now, 'noresource', ({ resource }) => resource === '1002')
    lamps.world.run(10)
    expect(lamps.states.at(-1)).toBe('terminated;reason=noresource')
    expect(lamps.subscriptions.size).toBe(0)
  })
})

describe('RFC 6665 §4.2.2 a NOTIFY', () => {
  it.each([481, 489, 405, 404])('that is answered with %i ends the subscription', (status) => {
    const lamps = new Lamps()
    lamps.status = status
    lamps.subscribe()
    expect([lamps.subscriptions.size, lamps.written.size]).toEqual([0, 0])
  })
  it.each([500, 503])('that is answered with %i does not', (status) => {
    const lamps = new Lamps()
    lamps.status = status
    lamps.subscribe()
    expect(lamps.subscriptions.size).toBe(1)
    lamps.status = 200
    lamps.change(ringing)
    expect(lamps.told.at(-1)).toBe('1 early')
  })
  it('that nobody answers ends it', () => {
    const lamps = new Lamps()
    lamps.status = null
    lamps.subscribe()
    lamps.world.run(33_000)
    expect([lamps.subscriptions.size, lamps.written.size]).toEqual([0, 0])
  })
})

describe('RFC 6665 §4.2.1 refusals', () => {
  const contact = 'Contact: <sip:phone@192.0.2.7>'
  it.each([
    ['another event', 489, { more: ['Event: message-summary', contact] }, ['allow-events', 'dialog']],
    ['no event', 489, { more: [contact] }, ['allow-events', 'dialog']],
    [
      'a body that we cannot make',
      406,
      { more: ['Event: dialog', contact, 'Accept: application/pidf+xml'] },
      ['accept', 'application/dialog-info+xml'],
    ],
    [
      'an extension that we do not know',
      420,
      { more: ['Event: dialog', contact, 'Require: eventlist'] },
      ['unsupported', 'eventlist'],
    ],
    ['a time that is too short', 423, { expires: 59 }, ['min-expires', '60']],
    ['no contact', 400, { more: ['Event: dialog'] }, null],
    ['a dialog that nobody knows', 481, { toTag: 'other' }, null],
  ] as const)('%s: %i', (_what, status, said, header) => {
    const lamps = new Lamps()
    const answer = lamps.subscribe({ ...said, more: [...('more' in said ? said.more : ['Event: dialog', contact])] })
    expect(answer.status).toBe(status)
    if (header) expect(answer.header(header[0])).toBe(header[1])
    expect([lamps.subscriptions.size, lamps.notifies.length]).toEqual([0, 0])
  })
  it('a number that nobody has, and more than a device may have', () => {
    const lamps = new Lamps()
    lamps.as = { ...subscriber, resource: null }
    expect(lamps.subscribe().status).toBe(404)
    lamps.as = subscriber
    const statuses = ['a', 'b', 'c'].map((callId) => lamps.subscribe({ callId }).status)
    expect(statuses).toEqual([200, 200, 403])
  })
  it('in the dialog: of another device, another event id, another Call-ID, out of order', () => {
    const lamps = new Lamps()
    const { toTag } = lamps.subscribe({ cseq: 7 })
    expect(lamps.subscribe({ toTag, cseq: 8, callId: 'other' }).status).toBe(481)
    expect(lamps.subscribe({ toTag, cseq: 8, fromTag: 'other' }).status).toBe(481)
    expect(lamps.subscribe({ toTag, cseq: 8, more: ['Event: dialog;id=2', contact] }).status).toBe(481)
    lamps.as = { ...subscriber, deviceId: 'dev_2' }
    expect(lamps.subscribe({ toTag, cseq: 8 }).status).toBe(403)
    lamps.as = subscriber
    expect(lamps.subscribe({ toTag, cseq: 6 }).status).toBe(500)
    expect(lamps.subscribe({ toTag, cseq: 9 }).status).toBe(200)
  })
  it('keeps the id of its event', () => {
    const lamps = new Lamps()
    const { toTag } = lamps.subscribe({ more: ['Event: dialog;id=9', contact] })
    expect(lamps.notifies[0]?.header('event')).toBe('dialog;id=9')
    expect(lamps.subscribe({ toTag, more: ['Event: dialog;id=9', contact] }).status).toBe(200)
  })
})

describe('T7 subscriptions outlive the process', () => {
  it('each gets a fresh NOTIFY within 10 s, in its dialog, with a higher CSeq and version', () => {
    const lamps = new Lamps()
    lamps.subscribe({ expires: 600, callId: 'a' })
    const { toTag } = lamps.subscribe({ expires: 600, callId: 'b' })
    lamps.change(ringing)
    const states: SubscriptionState[] = JSON.parse(JSON.stringify([...lamps.written.values()]))
    const before = lamps.notifies.splice(0)
    lamps.restart()
    lamps.dialogs = []
    lamps.subscriptions.restore(lamps.world.now, states)
    lamps.world.run(10_000)
    expect(lamps.notifies.map(({ callId }) => callId).sort()).toEqual(['a', 'b'])
    for (const notify of lamps.notifies) {
      const last = before.filter(({ callId }) => callId === notify.callId).at(-1)
      expect(notify.cseq).toBeGreaterThan(last?.cseq ?? Infinity)
      expect(notify).toMatchObject({ fromTag: last?.fromTag, toTag: last?.toTag, uri: last?.uri })
      expect(parseWord(notify.header('subscription-state') ?? '')?.word).toBe('active')
    }
    expect(lamps.told.every((told) => Number.parseInt(told, 10) > 9_000)).toBe(true)
    expect(lamps.subscribe({ toTag, callId: 'b', cseq: 100 }).status).toBe(200)
  })
  it('what ended meanwhile is forgotten', () => {
    const lamps = new Lamps()
    lamps.subscribe({ expires: 60 })
    const states = [...lamps.written.values()]
    lamps.restart().restore(lamps.world.now + 60_000, states)
    expect([lamps.subscriptions.size, lamps.written.size]).toEqual([0, 0])
  })
  it('a phone whose connection is gone is told when it is back', () => {
    const lamps = new Lamps()
    lamps.subscribe()
    lamps.reach = () => null
    lamps.change(ringing)
    expect(lamps.notifies.length).toBe(1)
    lamps.reach = ({ source }) => source
    lamps.subscriptions.deviceBack(lamps.world.now, 'dev_1')
    lamps.world.run(10)
    expect(lamps.told.at(-1)).toBe('1 early')
    lamps.subscriptions.deviceBack(lamps.world.now, 'dev_1')
    lamps.world.run(10)
    expect(lamps.notifies.length).toBe(2)
  })
  it('a phone that never comes back is forgotten when its time is over', () => {
    const lamps = new Lamps()
    lamps.subscribe({ expires: 60 })
    lamps.reach = () => null
    lamps.world.run()
    expect([lamps.subscriptions.size, lamps.notifies.length, lamps.world.queue.size]).toEqual([0, 1, 0])
  })
  it('a connection that breaks under a NOTIFY breaks nothing else', () => {
    const lamps = new Lamps()
    lamps.subscribe()
    lamps.reach = ({ source }) => ({ ...source, transport: 'tcp', flow: 'tcp-1' })
    lamps.status = null
    lamps.change(ringing)
    lamps.node.transactions.onFlowClosed(lamps.world.now, 'tcp-1')
    expect(lamps.subscriptions.size).toBe(1)
    lamps.reach = ({ source }) => source
    lamps.status = 200
    lamps.subscriptions.deviceBack(lamps.world.now, 'dev_1')
    lamps.world.run(10)
    expect(lamps.told.at(-1)).toBe('2 early')
  })
  it('one that is ended while its connection breaks is gone', () => {
    const lamps = new Lamps()
    lamps.subscribe()
    lamps.reach = ({ source }) => ({ ...source, transport: 'tcp', flow: 'tcp-1' })
    lamps.status = null
    lamps.change(ringing)
    lamps.subscriptions.endWhere(lamps.world.now, 'rejected', () => true)
    lamps.reach = () => null
    lamps.node.transactions.onFlowClosed(lamps.world.now, 'tcp-1')
    expect([lamps.subscriptions.size, lamps.written.size]).toEqual([0, 0])
  })
})

describe('RFC 4235 §4.1 dialog-info', () => {
  it('T26: says who calls, how the call may be taken over, and escapes what people are called', () => {
    expect(formatDialogInfo('sip:1002@pbx.example', 3, [ringing], '1002')).toBe(
      [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="3" state="full" entity="sip:1002@pbx.example">',
        '<dialog id="call_1" call-id="c" local-tag="l" remote-tag="r" direction="recipient">',
        '<state>early</state>',
        '<local><identity>sip:1002@pbx.example</identity><target uri="sip:1002@pbx.example"/></local>',
        '<remote><identity display="Ålice &amp; &lt;Bob&gt;">sip:1001@pbx.example</identity><target uri="sip:1001@pbx.example"/></remote>',
        '</dialog>',
        '</dialog-info>',
        '',
      ].join('\n'),
    )
  })
  it('lists one terminated dialog where there is none', () => {
    expect(formatDialogInfo('sip:1002@pbx.example', 0, [], '1002')).toContain(
      '<dialog id="1002"><state>terminated</state></dialog>',
    )
  })
  it('lets nothing in that XML has no place for', () => {
    const name = 'a\u0000b\u001b\ud800c\r\n"\''
    const document = formatDialogInfo('sip:x', 0, [{ ...ringing, remote: { uri: 'sip:y', name } }], 'x')
    expect(document).toContain('display="a b  c  &quot;&apos;"')
  })
})
