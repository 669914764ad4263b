import { expect, it } from 'vitest'
import { Changes } from './changes.ts'

function place() {
  const read: string[] = []
  const away = { isAway: false }
  const changes = new Changes({
    read: async (accountId) => {
      if (away.isAway || accountId === 'unreadable') throw new Error('the database is away')
      read.push(accountId)
    },
    log: { info: () => {}, debug: () => {} },
  })
  return { changes, read, away }
}

it('T4: what could not be read of a change is read once the database is back, once', async () => {
  const { changes, read, away } = place()
  away.isAway = true
  // Whoever waits is told.
  await expect(changes.read('one')).rejects.toThrow('away')
  await changes.again()
  expect(read).toEqual([])
  away.isAway = false
  await changes.read('two')
  await changes.again()
  await changes.again()
  expect(read).toEqual(['two', 'one'])
})

it('T4: a change that is read is read no more, also where the one before it was not', async () => {
  const { changes, read, away } = place()
  away.isAway = true
  await expect(changes.read('one')).rejects.toThrow('away')
  away.isAway = false
  await changes.read('one')
  await changes.again()
  expect(read).toEqual(['one'])
})

it('T4: a change that can never be read keeps no other from it', async () => {
  const { changes, read, away } = place()
  away.isAway = true
  for (const account of ['unreadable', 'one']) await expect(changes.read(account)).rejects.toThrow('away')
  away.isAway = false
  await changes.again()
  expect(read).toEqual(['one'])
})
