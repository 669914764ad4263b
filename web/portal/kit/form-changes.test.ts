import { describe, expect, it } from 'vitest'
import { changesOf, givenOf, rebased } from './form-changes.ts'

describe('changes of a form', () => {
  const before = { name: 'Desk', owner: null, forward: { enabled: false, number: '1001' }, tags: ['a'], password: '' }

  it('are what differs, nested as it was; what was emptied or taken away is null', () => {
    expect(changesOf(before, before)).toEqual({})
    const after = { name: '', forward: { enabled: true, number: '1001' }, tags: ['a', 'b'], password: '' }
    expect(changesOf(before, after)).toEqual({ name: null, forward: { enabled: true }, tags: ['a', 'b'] })
  })

  it('are without what was left empty when they make an object', () => {
    expect(givenOf({ name: 'Desk', owner: null, forward: { number: '' }, tags: [] })).toEqual({
      name: 'Desk',
      tags: [],
    })
  })

  it('are kept on what was changed meanwhile by somebody else', () => {
    const typed = { ...before, name: 'Reception', forward: { enabled: true, number: '' } }
    const now = { ...before, name: 'Desk 2', owner: 'user', forward: { enabled: false, number: '1002' }, tags: ['c'] }
    const after = rebased(before, typed, now)
    expect(after).toEqual({ ...now, name: 'Reception', forward: { enabled: true } })
    expect(changesOf(now, after)).toEqual({ name: 'Reception', forward: { enabled: true, number: null } })
  })

  it('keep a header that was taken away, away, and one that somebody added', () => {
    const now = { headers: { a: '1', b: '2', c: '3' } }
    expect(rebased({ headers: { a: '1', b: '2' } }, { headers: { a: '1' } }, now)).toEqual({
      headers: { a: '1', c: '3' },
    })
  })
})
