import { expect, it } from 'vitest'
import { meetingAddressOf } from './meeting-address.ts'

it('takes a number as people write it, and a link as it is', () => {
  const address = '/meet/1111-2222-3333-4444'
  expect(meetingAddressOf('1111222233334444')).toBe(address)
  expect(meetingAddressOf(' 1111 2222 3333 4444 ')).toBe(address)
  expect(meetingAddressOf('https://meet.example.com/meet/1111-2222-3333-4444')).toBe(address)
  expect(meetingAddressOf('https://a.example/meet/1111222233334444?culture=fr#host=x')).toBe(
    `${address}?culture=fr#host=x`,
  )
})

it('takes nothing else', () => {
  for (const text of ['', '1111', 'hello', '11112222333344445', '/meet/1111-2222-3333-444x']) {
    expect(meetingAddressOf(text)).toBeNull()
  }
})
