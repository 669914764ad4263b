import { describe, expect, it } from 'vitest'
import { secretMask } from '../../../contract/webhook.ts'
import { faultOf, faultOfValue, formValueOf, type HeaderRow, rowsOf } from './header-rows.ts'

const stored = { authorization: secretMask, 'x-plain': 'seen' }
const renamed = (rows: readonly HeaderRow[], name: string) => rows.with(0, { ...(rows[0] as HeaderRow), name })

describe('rows of headers', () => {
  it('are the stored record as long as nobody writes, and rows that nobody began are none', () => {
    expect(formValueOf(rowsOf(stored))).toEqual(stored)
    expect(formValueOf([...rowsOf(stored), { name: '', value: '' }])).toEqual(stored)
    expect(faultOfValue(stored)).toBeNull()
  })

  it('refuse a mask under another name than its own, and take a value that is entered again', () => {
    const rows = renamed(rowsOf(stored), 'x-token')
    expect(faultOfValue(formValueOf(rows))).toBe('masked')
    expect(faultOfValue(formValueOf([{ name: 'x-new', value: secretMask }]))).toBe('masked')
    const entered = rows.with(0, { ...(rows[0] as HeaderRow), value: 'new secret' })
    expect(formValueOf(entered)).toEqual({ 'x-token': 'new secret', 'x-plain': 'seen' })
    expect(formValueOf(renamed(rows, 'authorization'))).toEqual(stored)
  })

  it('refuse a mask that took the name of another stored one', () => {
    const rows = renamed(rowsOf({ a: secretMask, b: secretMask }), 'b').slice(0, 1)
    expect(faultOfValue(formValueOf(rows))).toBe('masked')
  })

  it('refuse a value without a name, a name without a value, and one name twice', () => {
    expect(faultOfValue(formValueOf([{ name: '', value: 'lost' }]))).toBe('nameless')
    expect(faultOfValue(formValueOf([{ name: 'x-a', value: '' }]))).toBe('empty')
    const twice = [
      { name: 'x-a', value: '1' },
      { name: 'x-a', value: '2' },
    ]
    expect(faultOfValue(formValueOf(twice))).toBe('twice')
    expect(twice.map((row) => faultOf(twice, row))).toEqual(['twice', 'twice'])
  })
})
