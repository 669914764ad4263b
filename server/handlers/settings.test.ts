import { describe, expect, it } from 'vitest'
import { createVault } from '../auth/vault.ts'
import { mergeSecrets, mergeSettings } from './settings.ts'

const standard = {
  name: null as string | null,
  isOn: false,
  list: [] as number[],
  part: { a: 1, deep: { b: null as string | null, c: true } },
  free: {} as Record<string, unknown>,
}

describe('settings (A1)', () => {
  it.each([
    ['absent keeps', { isOn: true }, {}, { isOn: true }],
    ['null clears', { isOn: true, name: 'x' }, { isOn: null }, { name: 'x' }],
    ['a value is set', {}, { name: 'x' }, { name: 'x' }],
    ['the standard value is not kept', { name: 'x' }, { name: null, isOn: false }, {}],
    ['lists are replaced', { list: [1, 2] }, { list: [3] }, { list: [3] }],
    ['objects change in parts', {}, { part: { deep: { b: 'x' } } }, { part: { a: 1, deep: { b: 'x', c: true } } }],
    [
      'null clears within',
      { part: { a: 2, deep: { b: 'x', c: false } } },
      { part: { deep: null } },
      { part: { a: 2, deep: { b: null, c: true } } },
    ],
    ['null clears a whole object', { part: { a: 2, deep: { b: 'x', c: false } } }, { part: null }, {}],
    [
      'free objects merge by name',
      { free: { a: 1, b: { c: 1, d: 2 } } },
      { free: { a: null, b: { d: null, e: 3 } } },
      { free: { b: { c: 1, e: 3 } } },
    ],
    ['null empties a free object', { free: { a: 1 } }, { free: null }, {}],
    ['what is no setting is left alone', {}, { other: 1 }, {}],
  ])('%s', (_name, before, wanted, after) => {
    expect(mergeSettings(standard, before, wanted)).toEqual(after)
  })
})

describe('secrets (S5)', () => {
  const vault = createVault(Buffer.alloc(32, 1))
  const row = { id: '1', secrets: vault.seal('trunks:1', { password: 'old', pin: '1' }) }

  it('keep what is absent and tell what changed, not to what', () => {
    const { columns, told } = mergeSecrets(vault, 'trunks', row, { password: 'new', pin: undefined })
    expect(vault.open('trunks:1', columns.secrets ?? Buffer.alloc(0))).toEqual({ password: 'new', pin: '1' })
    expect(told).toEqual({ password: { changed: true } })
  })

  it('never take the mask of a form for a value', () => {
    expect(mergeSecrets(vault, 'trunks', row, { password: '********', pin: '•••' }).columns).toEqual({})
  })

  it('are nothing when all are taken away', () => {
    expect(mergeSecrets(vault, 'trunks', row, { password: null, pin: null }).columns).toEqual({ secrets: null })
    expect(mergeSecrets(vault, 'trunks', row, { password: 'old' })).toEqual({ columns: {}, told: undefined })
  })
})
