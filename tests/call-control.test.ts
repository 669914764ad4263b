/** Commands to calls over HTTP: how they are answered, once each (E7, A6). */
import { describe, expect, it } from 'vitest'
import { newId } from '../server/ids.ts'
import { noVoice, type Voice } from '../server/app.ts'
import { listLostCommands } from '../server/store/call-commands.ts'
import { call, testApp } from './app.ts'
import { fakeVoice, tellOf } from './voice.ts'
import { done, insertLiveCall, makeTenant, unique, withKey, withTelephony, withToken } from './world.ts'

/** Which voice process there is; each test may put another in its place. */
let voice: Voice = noVoice
const { app, http, setNow } = await testApp({
  voice: {
    ...noVoice,
    changed: (accountId) => voice.changed(accountId),
    command: (command) => voice.command(command),
  },
})
const tenant = await withTelephony({ http, app }, await makeTenant(http))
const key = withKey(tenant.key.secret)
const person = withToken(tenant.user.token)

function steered() {
  const fake = fakeVoice(app.database)
  voice = fake
  return fake
}
/** What is commanded is accepted and comes to nothing. */
const failingVoice = (reason: string): Voice => ({
  ...noVoice,
  async command(command) {
    await tellOf(app.database, command, reason)
    app.sequencer.poke()
    return { type: 'obeyed' }
  },
})
const liveCall = () => insertLiveCall(app.database, tenant)
const send = (path: string, data: unknown = {}, headers: Record<string, string> = {}) =>
  call(http, 'POST', `/v3.0/realtime/calls/${path}`, { data }, { ...key, ...headers })
const place = (data: unknown, headers: Record<string, string> = {}) =>
  call(http, 'PUT', '/v3.0/realtime/calls', { data }, { ...key, ...headers })
const rowOf = (id: string) =>
  app.database.selectFrom('callCommands').selectAll().where('id', '=', id).executeTakeFirst()

describe('E7: a command', () => {
  it('answers with its event, which has its id', async () => {
    const { commands } = steered()
    const id = await liveCall()
    const { status, body } = await send(`${id}/mute`)
    expect(status).toBe(200)
    expect(body.data).toMatchObject({
      call_id: id,
      status: 'done',
      command_id: expect.stringMatching(/^cmd_[0-9a-f]{24}$/),
    })
    expect(body.data.event).toMatchObject({
      type: 'call.muted',
      correlation_id: body.data.command_id,
      resource: { type: 'call', id },
      seq: body.data.seq,
      actor: { type: 'key', id: tenant.key.id },
    })
    const after = await done(http, 'GET', `/v3.0/events?after=${body.data.cursor}&limit=1`, undefined, key)
    expect(after.data[0]).toEqual(body.data.event)
    expect(commands).toMatchObject([{ type: 'act', callId: id, action: { type: 'mute', leg: null } }])
  })

  it('is answered with 202 when the event did not come in time; it comes all the same', async () => {
    const fake = steered()
    fake.isSilent = true
    const id = await liveCall()
    const { status, body, headers } = await send(`${id}/hold`, {}, { prefer: 'respond-async, wait=0' })
    expect([status, headers['content-type']]).toEqual([202, expect.stringContaining('json')])
    expect(body.data).toMatchObject({ status: 'accepted', call_id: id })
    expect(body.data).not.toHaveProperty('event')
    const [command] = fake.commands
    if (command) await tellOf(app.database, command)
    app.sequencer.poke()
    const page = await done(http, 'GET', `/v3.0/events?after=${body.data.cursor}&wait=5&type=call.*`, undefined, key)
    expect(page.data[0].correlation_id).toBe(body.data.command_id)
  })

  it('that came to nothing within the time is a conflict with the reason', async () => {
    voice = failingVoice('Busy Here')
    const id = await liveCall()
    const { status, body } = await send(`${id}/transfer`, { to: { number: '1003' } })
    expect(status).toBe(409)
    expect(body.error).toMatchObject({ type: 'conflict', message: 'Busy Here', details: { call_id: id } })
    expect(body.error.details.seq).toBeGreaterThan(0)
  })

  it('has an id that the caller chose, once', async () => {
    const { commands } = steered()
    const id = await liveCall()
    const name = `crm:${unique()}`
    const first = await send(`${id}/mute`, { command_id: name })
    expect(first.body.data).toMatchObject({ command_id: name, event: { correlation_id: name } })
    const second = await send(`${id}/mute`, { command_id: name })
    expect([second.status, second.body.error.type]).toEqual([409, 'already_exists'])
    expect(second.body.error.details.issues[0].field).toBe('data.command_id')
    expect(commands).toHaveLength(1)
    expect((await send(`${id}/mute`, { command_id: 'a b' })).body.error.details.issues[0].field).toBe('data.command_id')
    const placed = await place({ from: { user_id: tenant.user.id }, to: { number: '1' }, correlation_id: name })
    expect(placed.body.error.details.issues[0].field).toBe('data.correlation_id')
  })

  it('to a call of another account finds none, and leaves nothing behind', async () => {
    steered()
    const other = await makeTenant(http)
    const name = unique()
    const id = await liveCall()
    const answer = await call(
      http,
      'POST',
      `/v3.0/realtime/calls/${id}/hangup`,
      { data: { command_id: name } },
      withKey(other.key.secret),
    )
    expect(answer.status).toBe(404)
    expect(await rowOf(name)).toBeUndefined()
  })

  it('with nobody to carry it out is 503, and nothing was done', async () => {
    voice = noVoice
    const name = unique()
    const answer = await send(`${await liveCall()}/hangup`, { command_id: name })
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1'])
    steered()
    expect((await send(`${await liveCall()}/mute`, { command_id: name })).status).toBe(200)
  })
})

describe('click-to-call', () => {
  it('names the call and carries the caller’s correlation id', async () => {
    const { commands } = steered()
    const name = `ticket-${unique()}`
    const data = {
      from: { device_id: tenant.telephony?.deviceId },
      to: { number: '+3225550199' },
      auto_answer: true,
      caller_id: { name: 'Sales' },
      ring_seconds: 20,
      correlation_id: name,
    }
    const { status, body } = await place(data)
    expect(status).toBe(200)
    expect(body.data).toMatchObject({ command_id: name, call_id: expect.stringMatching(/^call_[0-9a-f]{24}$/) })
    expect(commands[0]).toMatchObject({
      type: 'originate',
      id: name,
      callId: body.data.call_id,
      origination: {
        from: { type: 'device', deviceId: tenant.telephony?.deviceId },
        to: { type: 'number', number: '+3225550199' },
        isAutoAnswer: true,
        callerId: { number: null, name: 'Sales' },
        ringMs: 20_000,
      },
    })
  })

  it('is from one’s own phones without `from`; a key has none', async () => {
    const { commands } = steered()
    const asked = { to: { user_id: tenant.admin.id } }
    expect((await call(http, 'PUT', '/v3.0/realtime/calls', { data: asked }, person)).status).toBe(200)
    expect(commands[0]).toMatchObject({
      by: { userId: tenant.user.id, isAdmin: false },
      origination: { from: { type: 'user', userId: tenant.user.id } },
    })
    expect((await place(asked)).body.error.details.issues[0].field).toBe('data.from')
  })

  it.each([
    [{ to: { number: '1', user_id: newId() } }, /^data\.to/],
    [{ to: {} }, /^data\.to/],
    [{ to: { number: '' } }, /^data\.to/],
    [{ to: { number: '1\r\nX: y' } }, /^data\.to/],
    [{ to: { number: '1' }, from: { number: '2' } }, /^data\.from/],
    [{ to: { number: '1' }, ring_seconds: 1 }, /^data\.ring_seconds$/],
  ])('%o is refused by its field', async (data, field) => {
    const { commands } = steered()
    const { status, body } = await place({ from: { user_id: tenant.user.id }, ...data })
    expect(status).toBe(400)
    expect(body.error.details.issues[0].field).toMatch(field)
    expect(commands).toEqual([])
  })
})

describe('A6: with an Idempotency-Key', () => {
  const once = () => ({ 'idempotency-key': unique() })

  it('a command is given once and answered the same again', async () => {
    const { commands } = steered()
    const id = await liveCall()
    const headers = once()
    const first = await send(`${id}/mute`, {}, headers)
    const again = await send(`${id}/mute`, {}, headers)
    expect(first.headers['idempotent-replayed']).toBeUndefined()
    expect(again.headers['idempotent-replayed']).toBe('true')
    expect(again.body).toEqual(first.body)
    expect(commands).toHaveLength(1)
    const other = await send(`${id}/mute`, { leg_id: `leg_${newId()}` }, headers)
    expect([other.status, other.body.error.type]).toEqual([422, 'idempotency_mismatch'])
    expect(
      (await call(http, 'POST', `/v3.0/realtime/calls/${id}/mute`, { data: {} }, { ...person, ...headers })).status,
    ).toBe(200)
    expect(commands).toHaveLength(2)
  })

  it('a call is placed once, and its id is the same again', async () => {
    const { commands } = steered()
    const headers = once()
    const data = { from: { user_id: tenant.user.id }, to: { number: '1002' } }
    const [first, again] = [await place(data, headers), await place(data, headers)]
    expect(again.body.data.call_id).toBe(first.body.data.call_id)
    expect(commands).toHaveLength(1)
  })

  it('accepted stays accepted, failed stays failed', async () => {
    const fake = steered()
    fake.isSilent = true
    const id = await liveCall()
    const headers = once()
    const first = await send(`${id}/hold`, {}, { ...headers, prefer: 'wait=0' })
    const again = await send(`${id}/hold`, {}, { ...headers, prefer: 'wait=0' })
    expect([first.status, again.status, fake.commands.length]).toEqual([202, 202, 1])
    voice = failingVoice('No')
    const failing = once()
    const failed = await send(`${id}/hold`, {}, failing)
    const failedAgain = await send(`${id}/hold`, {}, failing)
    expect([failed.status, failedAgain.status]).toEqual([409, 409])
    expect(failedAgain.headers['idempotent-replayed']).toBe('true')
    expect(failedAgain.body.error.message).toBe('No')
  })

  it('two at once: one is told that it is being carried out', async () => {
    const { commands } = steered()
    const id = await liveCall()
    const headers = once()
    const answers = await Promise.all([send(`${id}/mute`, {}, headers), send(`${id}/mute`, {}, headers)])
    expect(commands).toHaveLength(1)
    expect(answers.map(({ status }) => status).toSorted()).toEqual(expect.arrayContaining([200]))
    const late = answers.find(({ status }) => status !== 200)
    if (late) expect(late.body.error).toMatchObject({ type: 'conflict', details: { reason: 'in_flight' } })
  })

  it('a refusal is not kept: it may be given again', async () => {
    steered()
    const headers = once()
    const id = `call_${newId()}`
    expect((await send(`${id}/mute`, {}, headers)).status).toBe(404)
    expect((await send(`${id}/mute`, {}, headers)).status).toBe(404)
  })

  it('whoever died in between: its event is found, and nothing is done again', async () => {
    const fake = steered()
    const id = await liveCall()
    const headers = once()
    await dies(() => send(`${id}/mute`, {}, headers))
    expect(fake.commands).toHaveLength(1)
    expect((await send(`${id}/mute`, {}, headers)).body.error.details.reason).toBe('in_flight')
    setNow(Date.now() + 20_000)
    const again = await send(`${id}/mute`, {}, headers)
    expect(again.status).toBe(200)
    expect(again.body.data).toMatchObject({ status: 'done', command_id: fake.commands[0]?.id })
    expect(fake.commands).toHaveLength(1)
  })

  it('whoever died before it was given: it is given now, under its first id', async () => {
    const headers = once()
    const id = await liveCall()
    voice = noVoice
    await app.database
      .insertInto('callCommands')
      .values(await rowOfOneWhoDied(`${id}/mute`, headers))
      .execute()
    const fake = steered()
    const again = await send(`${id}/mute`, {}, headers)
    expect(again.body.data).toMatchObject({ status: 'done', command_id: 'of-one-who-died' })
    expect(fake.commands).toMatchObject([{ id: 'of-one-who-died', callId: id }])
  })

  /** The answer is never written: as if the process had ended before. */
  async function dies(run: () => Promise<unknown>): Promise<void> {
    await run()
    await app.database
      .updateTable('callCommands')
      .set({ answer: null, settledAt: null })
      .where('answer', 'is not', null)
      .execute()
  }

  /** As another request with that key leaves it. */
  async function rowOfOneWhoDied(path: string, headers: Record<string, string>) {
    const fake = steered()
    await send(path, {}, headers)
    const [given] = fake.commands
    const row = await rowOf(given?.id ?? '')
    if (!row) throw new Error('no row')
    await app.database.deleteFrom('callCommands').where('id', '=', row.id).execute()
    return {
      ...row,
      id: 'of-one-who-died',
      answer: null,
      settledAt: null,
      leasedUntil: new Date(0),
      position: app.feed.position,
    }
  }
})

describe('a call that goes on', () => {
  const read = (id: string, headers: Record<string, string>) =>
    call(http, 'GET', `/v3.0/realtime/calls/${id}`, undefined, headers)

  it('is read with its legs and its version', async () => {
    const id = await liveCall()
    const { status, body, headers } = await read(id, key)
    expect(status).toBe(200)
    expect(body.data).toMatchObject({ id, account_id: tenant.accountId, status: 'answered', resource_seq: 1 })
    expect(body.data.legs).toHaveLength(2)
    expect(headers.etag).toBe('"1"')
  })

  it('is seen by those who are in it, and is gone when it is over', async () => {
    const id = await liveCall()
    expect((await read(id, person)).status).toBe(200)
    expect((await read(id, withToken(tenant.admin.token))).status).toBe(200)
    const others = await insertLiveCall(app.database, { accountId: tenant.accountId, user: tenant.admin })
    expect((await read(others, person)).status).toBe(404)
    expect((await read(tenant.telephony?.callId ?? '', key)).status).toBe(404)
  })
})

it('a command whose event never came is known when the voice process starts', async () => {
  const fake = steered()
  fake.isSilent = true
  const id = await liveCall()
  const lost = await send(`${id}/hold`, {}, { prefer: 'wait=0' })
  fake.isSilent = false
  const told = await send(`${id}/mute`)
  const found = (await listLostCommands(app.database)).map((one) => one.id)
  expect(found).toContain(lost.body.data.command_id)
  expect(found).not.toContain(told.body.data.command_id)
})
