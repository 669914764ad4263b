import { expect, it } from 'vitest'
import { Directories } from './directories.ts'

const account = (id: string) => ({ id, name: id, parentId: null, realm: null, settings: {}, telephonyEnabled: true })
const device = (id: string, accountId: string, username: string) => ({
  ...{ id, accountId, username, password: 'secret', isEnabled: true, settings: {}, ownerId: null, name: id },
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
