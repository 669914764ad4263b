import { describe, expect, it } from 'vitest'
import { andOpus, type Codec, commonOutside, g722, opus, orOpus, pcma, pcmu, reachable } from './codec.ts'

const codec = (name: string): Codec => ({ name, clockRate: 8_000, channels: 1, parameters: '' })

describe('what a carrier is offered (T11)', () => {
  it('what carriers know, in the order of the phone, with what accompanies it', () => {
    const all = [codec('SILK'), pcmu, codec('x-own'), pcma, codec('telephone-event'), g722, codec('speex')]
    expect(commonOutside(all)).toEqual([pcmu, pcma, codec('telephone-event'), g722])
  })

  it('eight of them at most', () => {
    const all = ['opus', 'AMR-WB', 'AMR', 'G722', 'PCMA', 'PCMU', 'G729', 'GSM', 'iLBC', 'telephone-event'].map(codec)
    const names = commonOutside(all).map(({ name }) => name)
    expect(names).toEqual(['opus', 'AMR-WB', 'AMR', 'G722', 'PCMA', 'PCMU', 'G729', 'GSM', 'telephone-event'])
  })

  it('what there is, where nothing of it is known', () => {
    const all = [codec('SILK'), codec('telephone-event')]
    expect(commonOutside(all)).toEqual(all)
  })
})

describe('Opus (T22)', () => {
  it('a caller with Opus reaches G.711', () => {
    expect(reachable([opus])).toEqual([opus, pcma, pcmu])
  })

  it('is taken where there is nothing else in common, and not beside G.711', () => {
    const events = codec('telephone-event')
    expect(orOpus([pcma, pcmu], [opus, events])).toEqual([pcma, pcmu, opus])
    expect(orOpus([pcma, pcmu], [opus, pcmu])).toEqual([pcma, pcmu])
    expect(orOpus([g722], [opus])).toEqual([g722])
    expect(andOpus([pcma, g722])).toEqual([pcma, g722, opus])
    expect(andOpus([opus, pcma])).toEqual([opus, pcma])
    expect(andOpus([g722])).toEqual([g722])
  })
})
