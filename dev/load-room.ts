/**
 * `node dev/load-room.ts LINK [PEERS] [SECONDS]`: fills a meeting with synthetic guests, each with a voice and a camera in
 * three layers, and tells every two seconds what they get of each other. Ctrl-C, or the seconds, end it.
 */
import { SyntheticGuest } from './synthetic-guest.ts'

const [link, peers = '18', seconds = '3600'] = process.argv.slice(2)
if (!link) {
  console.error('Which meeting? node dev/load-room.ts http://localhost:8080/meet/1234-5678-9012-3456 [peers] [seconds]')
  process.exit(1)
}

const guests: SyntheticGuest[] = []
const leave = async () => {
  clearInterval(telling)
  await Promise.all(guests.map((guest) => guest.leave()))
  process.exit(0)
}
const telling = setInterval(tell, 2_000)
process.once('SIGINT', () => void leave())
process.once('SIGTERM', () => void leave())
setTimeout(() => void leave(), Number(seconds) * 1000)

// One after the other, as people come.
for (let i = 1; i <= Number(peers); i++) {
  const guest = new SyntheticGuest(link, `Guest ${i}`, Math.random)
  await guest.join()
  guests.push(guest)
}

function tell(): void {
  const reports = guests.map((guest) => guest.report())
  const least = (read: (report: (typeof reports)[number]) => number) => Math.min(...reports.map(read))
  const faults = reports.reduce((sum, report) => sum + report.faults, 0)
  console.log(
    `${guests.length} guests: each hears at least ${least(({ heard }) => heard)} and sees at least ${least(({ seen }) => seen)}; ${faults} faults`,
  )
}
