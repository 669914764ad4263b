import { describe, expect, it } from 'vitest'
import { createVault } from './vault.ts'

const vault = createVault(Buffer.alloc(32, 1))
const secrets = { password: 'sésame “ouvre-toi”', pin: '' }

describe('a vault (S5)', () => {
  it('gives back what was sealed, and seals the same differently each time', () => {
    const sealed = vault.seal('devices:1', secrets)
    expect(vault.open('devices:1', sealed)).toEqual(secrets)
    expect(sealed.equals(vault.seal('devices:1', secrets))).toBe(false)
    expect(sealed.includes('ouvre')).toBe(false)
  })

  it('opens nothing as another object’s', () => {
    expect(() => vault.open('devices:2', vault.seal('devices:1', secrets))).toThrow()
  })

  it('opens nothing that was changed or cut', () => {
    const sealed = vault.seal('devices:1', secrets)
    for (let at = 1 + 4; at < sealed.length; at++) {
      const changed = Buffer.from(sealed)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(() => vault.open('devices:1', changed), String(at)).toThrow()
      expect(() => vault.open('devices:1', sealed.subarray(0, at)), String(at)).toThrow()
    }
  })

  it('says that the master key is another one', () => {
    const other = createVault(Buffer.alloc(32, 2))
    expect(() => other.open('devices:1', vault.seal('devices:1', secrets))).toThrow('another master key')
  })
})
