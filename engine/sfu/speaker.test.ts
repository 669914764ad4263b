import { describe, expect, it } from 'vitest'
import type { Agreed } from './answer.ts'
import { SpeakerWatch } from './speaker.ts'
import { Track } from './track.ts'

const agreed: Agreed = {
  ...{
    mid: '0',
    kind: 'audio',
    isSending: true,
    codec: 'opus',
    payloadType: 111,
    redPayloadType: 0,
    rtxPayloadType: 0,
  },
  ...{ parameters: '', rids: [], ssrcs: [], rtxOf: new Map() },
}
const microphone = (peerId: string) => new Track(peerId, 'microphone', agreed)
const speech = 30
const noise = 70

/** One look, 200 ms after the last: what each said meanwhile, in -dBov. Nothing: DTX. */
class Room {
  readonly watch = new SpeakerWatch()
  readonly tracks = new Map<string, Track>()

  hear(levels: Readonly<Record<string, number>>, looks = 1): (readonly string[] | null)[] {
    return Array.from({ length: looks }, () => {
      for (const [peerId, level] of Object.entries(levels)) {
        const track = this.tracks.get(peerId) ?? microphone(peerId)
        this.tracks.set(peerId, track)
        track.loudest = level
      }
      return this.watch.look(this.tracks.values())
    })
  }
}

const firstNews = (news: (readonly string[] | null)[]) => {
  const at = news.findIndex((one) => one !== null)
  return { after: at, speaking: news[at] }
}

describe('M16: who speaks', () => {
  it('is told within a second of the first syllable', () => {
    const { after, speaking } = firstNews(new Room().hear({ ada: speech }, 10))
    expect(speaking).toEqual(['ada'])
    expect(after).toBeLessThan(5)
  })

  it('is nobody while there is noise', () => {
    expect(firstNews(new Room().hear({ ada: noise, bob: noise }, 50)).speaking).toBeUndefined()
  })

  it('one loud click is no speaker', () => {
    const room = new Room()
    expect(room.hear({ ada: 10 })).toEqual([null])
    expect(firstNews(room.hear({ ada: noise }, 20)).speaking).toBeUndefined()
  })

  it('stays through a breath, and through DTX between words', () => {
    const room = new Room()
    room.hear({ ada: 20 }, 10)
    expect(room.hear({}, 1)).toEqual([null])
    expect(firstNews(room.hear({ ada: speech }, 5)).speaking).toBeUndefined()
  })

  it('is nobody after some seconds of DTX: silence sends nothing and nothing is loud', () => {
    const room = new Room()
    room.hear({ ada: speech }, 10)
    const { after, speaking } = firstNews(room.hear({}, 20))
    expect(speaking).toEqual([])
    expect(after).toBeLessThan(10)
  })

  it('is told loudest first, and only when it changed', () => {
    const room = new Room()
    room.hear({ ada: speech + 5, bob: speech }, 20)
    expect(firstNews(room.hear({ ada: speech - 20, bob: speech }, 10)).speaking).toEqual(['ada', 'bob'])
    expect(firstNews(room.hear({ ada: speech - 20, bob: speech }, 30)).speaking).toBeUndefined()
  })

  it('is not who muted', () => {
    const room = new Room()
    room.hear({ ada: speech }, 10)
    const track = room.tracks.get('ada')
    if (track) track.isMuted = true
    expect(firstNews(room.hear({ ada: speech }, 20)).speaking).toEqual([])
  })

  it('is not who left', () => {
    const room = new Room()
    room.hear({ ada: speech, bob: noise }, 10)
    room.tracks.delete('ada')
    expect(room.hear({ bob: noise })).toEqual([[]])
  })

  it('is five at most', () => {
    const levels = Object.fromEntries([...'abcdefgh'].map((peerId, i) => [peerId, speech - i]))
    const told = new Room().hear(levels, 30).findLast((one) => one !== null)
    expect(told).toEqual(['h', 'g', 'f', 'e', 'd'])
  })
})
