/**
 * `npm run fuzz -- [minutes] [seed]`: spoiled input for everything that reads from a peer, for hours. Stops at the first
 * fault with the seed that brings it back; the same functions run for seconds in the fuzz.test.ts of each folder of engine/.
 */
import { hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fuzzCall } from '../engine/rtp/hostile.fuzz.ts'
import { fuzzSdp as fuzzTelephoneSdp } from '../engine/sdp/sdp.fuzz.ts'
import { fuzzMeeting } from '../engine/sfu/meeting.fuzz.ts'
import { fuzzFeedback, fuzzPayloads, fuzzRtcp, fuzzRtp, fuzzSdp } from '../engine/sfu/parsers.fuzz.ts'
import { fuzzRegistrar } from '../engine/sip/registrar.fuzz.ts'
import { fuzzMessages, fuzzStream } from '../engine/sip/parsers.fuzz.ts'
import { seededRandom } from '../engine/testing/random.ts'

const [minutes = 60, first = Date.now() % 2 ** 31] = process.argv.slice(2).map(Number)
const golden = ['chromium', 'firefox', 'safari'].map((name) =>
  readFileSync(new URL(`../engine/sfu/testdata/${name}-offer.sdp`, import.meta.url), 'utf8'),
)
const torture = new URL('../engine/sip/testdata/rfc4475/', import.meta.url)
const messages = readdirSync(torture).map((file) => Uint8Array.from(readFileSync(new URL(file, torture))))
const md5 = (text: string) => hash('md5', text)
const all: Readonly<Record<string, (random: () => number) => void>> = {
  RTP: (random) => fuzzRtp(random, 20_000),
  RTCP: (random) => fuzzRtcp(random, 20_000),
  feedback: (random) => fuzzFeedback(random, 10_000),
  payloads: (random) => fuzzPayloads(random, 20_000),
  descriptions: (random) => fuzzSdp(random, 1_000, golden),
  'SIP messages': (random) => fuzzMessages(random, 10_000, messages),
  registrations: (random) => fuzzRegistrar(random, 10_000, { md5, sha256: md5 }),
  'SIP streams': (random) => fuzzStream(random, 2_000, messages),
  'telephone descriptions': (random) => fuzzTelephoneSdp(random, 5_000),
  'a call': (random) => fuzzCall(random, 5_000),
  meeting: (random) => fuzzMeeting(random, 1_000),
}

const until = performance.now() + minutes * 60_000
let seed = first
for (; performance.now() < until; seed++) {
  for (const [name, fuzz] of Object.entries(all)) {
    try {
      fuzz(seededRandom(seed))
    } catch (error) {
      console.error(`${name}, seed ${seed}:`, error)
      process.exit(1)
    }
  }
}
console.log(`${seed - first} seeds from ${first}: no fault`)
