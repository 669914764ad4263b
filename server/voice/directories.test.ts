import { expect, it } from 'vitest'
import { Directories } from './directories.ts'

const account = (id: string) => ({ id, name: id, parentId: null, realm: null, settings: {}, telephonyEnabled: true })
const device = (id: string, accountId: string, username: string) => ({
  ...{ id, accountId, username, password: 'secret', isEnabled: true, settings: {}, ownerId: null, name: id },
})

const placeOf = (configuration: { devices?: object[]; trunks?: object[] }) =>
  new Directories({
    load: async () =>
      ({
        accounts: ['one', 'two'].map(account),
        ...{ users: [], trunks: [], devices: [], phoneNumbers: [], callflows: [], contacts: [], medias: [] },
        ...configuration,
      }) as never,
    fileOf: async () => null,
    sandbox: () => null,
    realmOf: ({ id }) => `${id}.example`,
  })

it('T20: a device is not in the way of another account’s trunk of the same name', async () => {
  const settings = { username: 'Line', server: null }
  const trunk = { id: 'trunk', accountId: 'one', name: 'Exchange', password: 'secret', isEnabled: true, settings }
  const directories = placeOf({ devices: [device('desk', 'two', 'line')], trunks: [trunk] })
  await directories.reload(null)
  expect(directories.signIn('line', 'one.example')).toMatchObject({ trunkId: 'trunk' })
  expect(directories.signIn('line', 'two.example')).toMatchObject({ deviceId: 'desk' })
  expect(directories.signIn('line', '192.0.2.1')).toMatchObject({ deviceId: 'desk' })
  expect(directories.signIn('line', null)).toMatchObject({ deviceId: 'desk' })
})

it('T20: a user name that went from one account to another is the new one’s, whichever is read first', async () => {
  const devices = [device('old', 'one', 'desk')]
  const directories = new Directories({
    load: async (accountId) =>
      ({
        accounts: ['one', 'two'].filter((id) => accountId === null || id === accountId).map(account),
        devices: devices.filter((row) => accountId === null || row.accountId === accountId),
        ...{ users: [], trunks: [], phoneNumbers: [], callflows: [], contacts: [], medias: [] },
      }) as never,
    fileOf: async () => null,
    sandbox: () => null,
    realmOf: ({ id }) => `${id}.example`,
  })
  await directories.reload(null)
  expect(directories.signIn('Desk', null)).toMatchObject({ deviceId: 'old', realm: 'one.example' })
  devices[0] = device('new', 'two', 'desk')
  await directories.reload('two')
  await directories.reload('one')
  expect(directories.signIn('Desk', null)).toMatchObject({ deviceId: 'new', realm: 'two.example' })
})
