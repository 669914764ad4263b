import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../testing/random.ts'
import { parseContacts, parseReasons } from './headers.ts'
import { parseMessage } from './message.ts'
import { fuzzMessages, fuzzStream } from './parsers.fuzz.ts'
import { fuzzRegistrar } from './registrar.fuzz.ts'
import { encodeText } from './text.ts'

const folder = new URL('testdata/rfc4475/', import.meta.url)
const golden = readdirSync(folder).map((file) => Uint8Array.from(readFileSync(new URL(file, folder))))

describe('spoiled input, the same at every run', () => {
  it.each([
    ['messages', fuzzMessages, 5_000],
    ['streams', fuzzStream, 1_000],
  ])('%s', (_name, fuzz, rounds) => {
    expect(() => fuzz(seededRandom(20_261), rounds, golden)).not.toThrow()
  })
})

it('spoiled registrations, the same at every run', () => {
  const hash = (text: string) => createHash('md5').update(text).digest('hex')
  expect(() => fuzzRegistrar(seededRandom(20_262), 5_000, { md5: hash, sha256: hash })).not.toThrow()
})

it('no text makes a parser run on: sixteen kilobytes of it take linear time', () => {
  const began = process.cpuUsage()
  for (const piece of [
    ' ',
    '\t',
    ';',
    ',',
    '"',
    '<',
    '>',
    '\\',
    '%',
    '\r\n ',
    '; rport',
    '=',
    '"\\',
    'a ;',
    'a=" ',
    '[',
    ':',
    '?',
    '&a',
  ]) {
    const long = piece.repeat(Math.floor(15_000 / piece.length))
    for (const name of ['Via: SIP/2.0/UDP h', 'Contact: <sip:a@b>', 'From: ', 'Reason: SIP', 'CSeq: 1', 'X: ']) {
      const head = `OPTIONS sip:a@b SIP/2.0\r\n${name}${long}\r\nVia: SIP/2.0/UDP h;rport\r\nFrom: <sip:a>\r\nTo: <sip:a>`
      const message = parseMessage(encodeText(`${head}\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n`))
      const request = message.isFault ? message.request : message
      if (request === null) continue
      request.stampSource('192.0.2.1', 1)
      parseContacts(request)
      parseReasons(request)
    }
  }
  // Quadratic time would be some 100 ms each, 10 s together. What other programs take meanwhile is not ours.
  const { user, system } = process.cpuUsage(began)
  expect((user + system) / 1000).toBeLessThan(3_000)
})
