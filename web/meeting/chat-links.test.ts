import { expect, it } from 'vitest'
import { piecesOf } from './chat-links.ts'

const linksOf = (text: string) => piecesOf(text).flatMap(({ href }) => href ?? [])

it('leaves text and markup as they are', () => {
  expect(piecesOf('<b onclick="x()">hi</b> & you')).toEqual([{ text: '<b onclick="x()">hi</b> & you', href: null }])
})

it('finds addresses and leaves the sentence its punctuation', () => {
  expect(piecesOf('See https://example.com/a?b=1. Then (http://example.org/x)!')).toEqual([
    { text: 'See ', href: null },
    { text: 'https://example.com/a?b=1', href: 'https://example.com/a?b=1' },
    { text: '. Then (', href: null },
    { text: 'http://example.org/x', href: 'http://example.org/x' },
    { text: ')!', href: null },
  ])
  expect(linksOf('https://en.example.org/Bell_(instrument)')).toEqual(['https://en.example.org/Bell_(instrument)'])
})

it('links nothing that could run', () => {
  expect(linksOf('javascript:alert(1) data:text/html,x file:///etc/passwd')).toEqual([])
})

it('gives back every character', () => {
  const text = 'a https://x.example/ b http:// c https://y.example/?q=(1)) d'
  expect(
    piecesOf(text)
      .map((piece) => piece.text)
      .join(''),
  ).toBe(text)
})
