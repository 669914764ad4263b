import { expect, it } from 'vitest'
import { readParameters } from './parameters.ts'

const read = (search: string, hash = '') => readParameters({ pathname: '/meet/1111-2222-3333-4444', search, hash })

it('reads nothing as the defaults', () => {
  expect(read('')).toEqual({
    meetingId: '1111-2222-3333-4444',
    hostToken: null,
    culture: null,
    participantName: null,
    participantEmail: null,
    layout: 'standard',
    direction: 'standard',
    isJoinScreenSkipped: false,
  })
})

it('reads what the address says', () => {
  const search = '?culture=fr&participantName=Zo%C3%AB&skipJoinMeetingScreen=true&mediaDirection=receiveonly'
  expect(read(`${search}&meetingRoomLayout=video-only`, '#host=abc')).toMatchObject({
    hostToken: 'abc',
    culture: 'fr',
    participantName: 'Zoë',
    layout: 'video-only',
    direction: 'receiveonly',
    isJoinScreenSkipped: true,
  })
})

it('takes no value that does not exist, and no name that the server refuses', () => {
  const read1 = read('?mediaDirection=both&participantName=A%0D%0AB%00&participantEmail=nobody')
  expect(read1).toMatchObject({ direction: 'standard', participantName: 'A B', participantEmail: null })
  expect(read(`?participantName=${'x'.repeat(200)}`).participantName).toHaveLength(80)
})
