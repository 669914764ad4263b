import { describe, expect, it } from 'vitest'
import { peerHop, sip } from '../testing/sip-text.ts'
import type { Hop } from './hop.ts'
import { type Binding, type BindingChange, expiredBindings, type RegistrarLimits, register } from './registrar.ts'

const limits: RegistrarLimits = {
  ...{ minSeconds: 60, maxSeconds: 7_200, defaultSeconds: 3_600, maxContacts: 3, flowTimerSeconds: 110 },
}
const uuid = 'urn:uuid:00000000-0000-1000-8000-000a95a0e128'
const instance = `+sip.instance="<${uuid}>"`

interface Said {
  contact?: string | readonly string[]
  callId?: string
  cseq?: number
  more?: readonly string[]
  to?: string
  source?: Hop
}

/** A registrar with one address of record. */
class Desk {
  now = 1_000_000
  bindings: readonly Binding[] = []
  #cseq = 0

  register(said: Said = {}) {
    const { contact = [], callId = 'call-1', more = [], to = '<sip:alice@pbx.example>', source = peerHop } = said
    this.#cseq = said.cseq ?? this.#cseq + 1
    const request = sip(
      'REGISTER sip:pbx.example SIP/2.0',
      'Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK1',
      'From: <sip:alice@pbx.example>;tag=a',
      `To: ${to}`,
      `Call-ID: ${callId}`,
      `CSeq: ${this.#cseq} REGISTER`,
      ...[contact].flat().map((value) => `Contact: ${value}`),
      ...more,
    )
    const { changes, bindings, response } = register(this.now, request, source, this.bindings, limits)
    this.bindings = bindings
    const headers = (name: string) => (response.headers ?? []).filter(([one]) => one === name).map(([, value]) => value)
    return { status: response.status, changes: changes.map(told), contacts: headers('Contact'), headers }
  }
}

const told = (change: BindingChange) =>
  `${change.type} ${change.binding.contact}${change.type === 'removed' ? ` (${change.reason})` : ''}`

describe('RFC 3261 §10.3 bindings', () => {
  it('are added for the time asked for, in Contact before Expires before ours, and no longer than we allow', () => {
    const desk = new Desk()
    const { status, contacts, changes } = desk.register({
      contact: ['<sip:a@192.0.2.7>;expires=100', '<sip:b@192.0.2.7>', '<sip:c@192.0.2.7>;expires=999999;q=0.5'],
      more: ['Expires: 200'],
    })
    expect(status).toBe(200)
    expect(contacts).toEqual([
      '<sip:a@192.0.2.7>;expires=100',
      '<sip:b@192.0.2.7>;expires=200',
      '<sip:c@192.0.2.7>;q=0.5;expires=7200',
    ])
    expect(changes).toEqual(['added sip:a@192.0.2.7', 'added sip:b@192.0.2.7', 'added sip:c@192.0.2.7'])
    const other = new Desk()
    expect(other.register({ contact: '<sip:a@192.0.2.7>' }).contacts).toEqual(['<sip:a@192.0.2.7>;expires=3600'])
  })
  it('are only told when there is no Contact', () => {
    const desk = new Desk()
    desk.register({ contact: 'sip:a@192.0.2.7;expires=100' })
    desk.now += 30_400
    expect(desk.register()).toMatchObject({ changes: [], contacts: ['<sip:a@192.0.2.7>;expires=70'] })
  })
  it('are refreshed, which changes nothing but their time', () => {
    const desk = new Desk()
    desk.register({ contact: '<sip:a@192.0.2.7>' })
    desk.now += 1_000
    expect(desk.register({ contact: '<sip:%61@192.0.2.7>' }).changes).toEqual(['changed sip:%61@192.0.2.7'])
    expect(desk.register({ contact: '<sip:%61@192.0.2.7>' }).changes).toEqual(['refreshed sip:%61@192.0.2.7'])
    expect(desk.bindings).toMatchObject([{ key: 'sip:a@192.0.2.7', registeredAt: 1_000_000, cseq: 3 }])
    const moved = { ...peerHop, port: 40_000 }
    expect(desk.register({ contact: '<sip:%61@192.0.2.7>', source: moved }).changes).toEqual([
      'changed sip:%61@192.0.2.7',
    ])
  })
  it('are removed one by one, by a URI that is the same by §19.1.4', () => {
    const desk = new Desk()
    desk.register({ contact: ['<sip:a@HOST.example>', '<sip:b@host.example>'] })
    const { changes, contacts } = desk.register({ contact: '<sip:%61@host.example>;expires=0' })
    expect(changes).toEqual(['removed sip:a@HOST.example (unregistered)'])
    expect(contacts).toEqual(['<sip:b@host.example>;expires=3600'])
    expect(desk.register({ contact: '<sip:nobody@host.example>;expires=0' }).changes).toEqual([])
  })
  it('are removed all together by *, which needs Expires: 0 and stands alone', () => {
    const desk = new Desk()
    desk.register({ contact: ['<sip:a@h>', '<sip:b@h>'] })
    expect(desk.register({ contact: '*' }).status).toBe(400)
    expect(desk.register({ contact: '*', more: ['Expires: 60'] }).status).toBe(400)
    expect(desk.register({ contact: ['*', '<sip:a@h>'], more: ['Expires: 0'] }).status).toBe(400)
    expect(desk.bindings.length).toBe(2)
    const { status, changes, contacts } = desk.register({ contact: '*', more: ['Expires: 0'], callId: 'other' })
    expect([status, changes.length, contacts]).toEqual([200, 2, []])
  })
  it('are over when they are', () => {
    const desk = new Desk()
    desk.register({ contact: '<sip:a@h>;expires=60' })
    desk.now += 59_999
    expect(expiredBindings(desk.now, desk.bindings)).toEqual([])
    desk.now += 1
    expect(expiredBindings(desk.now, desk.bindings).map(told)).toEqual(['removed sip:a@h (expired)'])
    // Also for whoever registers before the timer was heard, and an old CSeq is none any more.
    expect(desk.register({ contact: '<sip:a@h>', cseq: 1 }).changes).toEqual([
      'removed sip:a@h (expired)',
      'added sip:a@h',
    ])
  })
})

describe('RFC 3261 §10.3 refusals change nothing', () => {
  it.each([
    ['a time that is too short: 423 with what is enough', { contact: '<sip:b@h>;expires=59' }, 423],
    ['a request that came late', { contact: '<sip:a@h>', cseq: 7 }, 500],
    ['a removal that came late', { contact: '<sip:a@h>;expires=0', cseq: 6 }, 500],
    ['a wildcard that came late', { contact: '*', more: ['Expires: 0'], cseq: 7 }, 500],
    ['one contact of two that is late', { contact: ['<sip:b@h>', '<sip:a@h>'], cseq: 7 }, 500],
    ['one contact of two that is too short', { contact: ['<sip:b@h>', '<sip:c@h>;expires=1'], cseq: 9 }, 423],
    ['a contact that is none', { contact: '<sip:a@h' }, 400],
    ['a contact that is not of SIP', { contact: '<mailto:a@h>' }, 400],
    ['a contact that is longer than it could be written down', { contact: `<sip:b@h;x=${'y'.repeat(3_000)}>` }, 400],
    ['an instance of that length', { contact: `<sip:b@h>;+sip.instance="<${'y'.repeat(3_000)}>"` }, 400],
    ['RFC 4475 §3.3.4: a To that is not of SIP', { to: 'isbn:2983792873' }, 400],
    ['an extension that is required and unknown', { more: ['Require: gruu, path'] }, 420],
    ['more contacts than fit', { contact: ['<sip:b@h>', '<sip:c@h>', '<sip:d@h>', '<sip:e@h>'] }, 403],
  ])('%s', (_what, said, status) => {
    const desk = new Desk()
    desk.register({ contact: '<sip:a@h>', cseq: 7 })
    const before = desk.bindings
    const result = desk.register({ cseq: 8, ...said })
    expect(result).toMatchObject({ status, changes: [] })
    expect(desk.bindings).toBe(before)
    if (status === 423) expect(result.headers('Min-Expires')).toEqual(['60'])
    if (status === 420) expect(result.headers('Unsupported')).toEqual(['gruu'])
  })
  it('the same CSeq under another Call-ID is not late', () => {
    const desk = new Desk()
    desk.register({ contact: '<sip:a@h>', cseq: 7 })
    expect(desk.register({ contact: '<sip:a@h>', cseq: 1, callId: 'other' }).status).toBe(200)
  })
  it('the same contact twice in one request is one', () => {
    const desk = new Desk()
    expect(desk.register({ contact: ['<sip:a@h>', '<sip:a@h>'] }).contacts.length).toBe(1)
  })
})

describe('T7 a phone that comes back replaces its old contact', () => {
  it('by its instance', () => {
    const desk = new Desk()
    desk.register({ contact: `<sip:a@h:1000>;${instance}`, callId: 'before' })
    const { changes, contacts } = desk.register({ contact: `<sip:a@h:2000>;${instance}`, callId: 'after', cseq: 1 })
    expect(changes).toEqual(['changed sip:a@h:2000'])
    expect(contacts).toEqual([`<sip:a@h:2000>;+sip.instance="<${uuid}>";expires=3600`])
  })
  it('by its Call-ID', () => {
    const desk = new Desk()
    desk.register({ contact: '<sip:a@h:1000>' })
    const { changes } = desk.register({ contact: '<sip:a@h:2000>' })
    expect(changes).toEqual(['added sip:a@h:2000', 'removed sip:a@h:1000 (replaced)'])
  })
  it('but not when it only removes one of two', () => {
    const desk = new Desk()
    desk.register({ contact: ['<sip:a@h:1>', '<sip:a@h:2>'] })
    expect(desk.register({ contact: '<sip:a@h:1>;expires=0' }).contacts.length).toBe(1)
  })
  it('also when it names the old one to remove it, in any order', () => {
    for (const isOldFirst of [true, false]) {
      const desk = new Desk()
      desk.register({ contact: `<sip:a@h:1>;${instance}` })
      const pair = [`<sip:a@h:1>;${instance};expires=0`, `<sip:a@h:2>;${instance}`]
      const { contacts } = desk.register({ contact: isOldFirst ? pair : pair.reverse() })
      expect(contacts).toEqual([`<sip:a@h:2>;+sip.instance="<${uuid}>";expires=3600`])
    }
  })
  it('also when it learned to say its instance', () => {
    const desk = new Desk()
    desk.register({ contact: '<sip:a@h>' })
    const { changes, contacts } = desk.register({ contact: `<sip:a@h>;${instance}`, callId: 'new' })
    expect(changes).toEqual(['removed sip:a@h (replaced)', 'added sip:a@h'])
    expect(contacts.length).toBe(1)
  })
  it('two contacts of one instance in one request are two', () => {
    const desk = new Desk()
    const both = [`<sip:a@h;transport=tcp>;${instance}`, `<sip:a@h;transport=udp>;${instance}`]
    expect(desk.register({ contact: both }).contacts.length).toBe(2)
    expect(desk.register({ contact: both }).changes.every((change) => change.startsWith('refreshed'))).toBe(true)
  })
  it('and what it left behind under other names makes room, the oldest first', () => {
    const desk = new Desk()
    for (const port of [1, 2, 3]) {
      desk.register({ contact: `<sip:a@h:${port}>`, callId: `call-${port}` })
      desk.now += 1_000
    }
    expect(desk.register({ contact: '<sip:a@h:4>', callId: 'call-4' }).changes).toEqual([
      'added sip:a@h:4',
      'removed sip:a@h:1 (replaced)',
    ])
  })
})

describe('RFC 5626 and RFC 3327', () => {
  const outbound = ['Supported: path, outbound']
  const flow = (regId: number) => `<sip:a@h;ob>;${instance};reg-id=${regId}`

  it('§6: flows of one instance are bindings of their own', () => {
    const desk = new Desk()
    desk.register({ contact: flow(1), more: outbound })
    const { contacts, headers } = desk.register({ contact: flow(2), more: outbound })
    expect(contacts).toEqual([1, 2].map((id) => `<sip:a@h;ob>;+sip.instance="<${uuid}>";reg-id=${id};expires=3600`))
    expect(headers('Require')).toEqual(['outbound'])
    expect(headers('Flow-Timer')).toEqual(['110'])
    const back = desk.register({
      contact: flow(1),
      more: outbound,
      callId: 'after',
      source: { ...peerHop, flow: 'tcp-9' },
    })
    expect(back.changes).toEqual(['changed sip:a@h;ob'])
    expect(desk.bindings.map(({ source }) => source.flow)).toEqual(['tcp-9', 'udp-1'])
    expect(desk.register({ contact: `${flow(2)};expires=0`, more: outbound }).contacts.length).toBe(1)
  })
  it.each([
    ['without Supported: outbound', { contact: flow(1) }],
    ['without an instance', { contact: '<sip:a@h>;reg-id=1', more: outbound }],
  ])('§6: reg-id is nothing %s', (_what, said) => {
    const desk = new Desk()
    const { headers } = desk.register(said)
    expect(desk.bindings).toMatchObject([{ regId: null }])
    expect(headers('Require')).toEqual([])
  })
  it('§6: a proxy in between has to keep the flow, else 439', () => {
    const behind = ['Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK2', ...outbound]
    expect(new Desk().register({ contact: flow(1), more: [...behind, 'Path: <sip:edge;lr>'] }).status).toBe(439)
    expect(new Desk().register({ contact: flow(1), more: behind }).status).toBe(439)
    const path = ['<sip:core;lr>', '<sip:edge;lr;ob>']
    const desk = new Desk()
    const { status, headers } = desk.register({ contact: flow(1), more: [...behind, `Path: ${path.join(', ')}`] })
    expect([status, headers('Path')]).toEqual([200, path])
    expect(desk.bindings[0]?.path).toEqual(path)
  })
})
