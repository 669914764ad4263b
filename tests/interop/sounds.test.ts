/** What callers are played: the organisation's own music and prompts, uploaded as WAV files, and Carillon's without them. */
import { afterEach, describe, expect, it } from 'vitest'
import { type Json, until } from '../carillon.ts'
import { describeSound, hangUp, hearEachOther, type Talk, talk } from './conversation.ts'
import { openPhones } from './opened.ts'
import { mediaOf, partAt } from './sound.ts'
import { media as upload } from './wav.ts'

const [aliceHz, bobHz] = [440, 700]
const [accountHz, userHz, deviceHz, promptHz, dutchHz] = [1_000, 1_200, 1_400, 1_600, 1_800]

const { organisation, alice, bob, dave } = await openPhones(['alice', 'bob', 'dave'], {
  people: { bob: { user: { language: 'nl-BE' } } },
})

afterEach(() => {
  for (const { sound } of [alice, bob, dave]) sound.forget()
})

const music = { available_as_moh: true }
const choose = (path: string, id: string, music_on_hold_id: string) =>
  organisation.call('POST', path, { id, music_on_hold_id })
const media = (name: string, hz: number, fields: Json) => upload(organisation, name, hz, fields)

/** Bob is held by Alice for as long as the scenario wants. */
async function whileHeld(act: () => Promise<void>): Promise<void> {
  const talking: Talk = await talk(alice, bob)
  await hearEachOther([alice, aliceHz], [bob, bobHz], talking)
  await talking.call.reinvite(describeSound({ port: alice.sound.port, version: 2, direction: 'sendonly' }))
  await act()
  await hangUp(talking)
}

describe('music on hold', () => {
  it('music_on_hold_id: of nobody, then of the account, the user, the device', async () => {
    await whileHeld(async () => {
      const isMusic = (samples: Int16Array) =>
        samples.reduce((sum, sample) => sum + sample * sample, 0) > 40_000 * samples.length &&
        [aliceHz, bobHz].every((hz) => partAt(samples, hz) < 0.2)
      await until(() => bob.sound.recent().length > 0 && isMusic(bob.sound.recent()), 'the built-in music')
    })
    const [ofAccount, ofUser, ofDevice] = [
      await media('Account', accountHz, music),
      await media('User', userHz, music),
      await media('Device', deviceHz, music),
    ]
    await choose('accounts', organisation.accountId, ofAccount)
    await whileHeld(() => bob.sound.hears(accountHz))
    await choose('users', alice.userId, ofUser)
    await whileHeld(() => bob.sound.hears(userHz))
    await choose('devices', alice.deviceId, ofDevice)
    await whileHeld(() => bob.sound.hears(deviceHz))
  })

  it('it begins again at its end', async () => {
    await choose('devices', alice.deviceId, await media('Short', deviceHz, music))
    await whileHeld(async () => {
      const before = bob.sound.packets.length
      await until(() => bob.sound.packets.length > before + 75, 'more than the second that it lasts')
      await bob.sound.hears(deviceHz)
    })
  })
})

describe('T28: prompts', () => {
  const forward = { enabled: true, number: '1002', require_key_press: true }

  it('T28: are replaced by medias, in the language of whoever hears them', async () => {
    await organisation.call('POST', 'users', { id: dave.userId, call_forward: forward })
    const heard = async (hz: number) => {
      const call = await alice.phone.invite('1004')
      const leg = await bob.phone.ringing()
      await leg.answer()
      await bob.sound.hears(hz)
      bob.sound.press('1', mediaOf(leg.invitation?.body ?? ''))
      expect((await call.final()).status).toBe(200)
      await hangUp({ call, taken: leg })
    }
    await media('Press 1', promptHz, { prompt: 'forward_press_1' })
    await heard(promptHz)
    const dutch = await media('Druk op 1', dutchHz, { prompt: 'forward_press_1', language: 'nl' })
    await heard(dutchHz)
    await organisation.call('DELETE', `medias/${dutch}`)
    bob.sound.forget()
    await heard(promptHz)
  })
})

describe('play', () => {
  it('a callflow that plays a media answers the call, and ends it when it has nothing more', async () => {
    const id = await media('Welcome', promptHz, {})
    await organisation.callflow(['2000'], { module: 'play', data: { id } })
    const call = await alice.phone.invite('2000')
    expect((await call.final()).status).toBe(200)
    await alice.sound.hears(promptHz)
    await call.ended()
  })
})
