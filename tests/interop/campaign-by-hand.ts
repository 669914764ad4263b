/** `npm run campaign -- [kills] [calls] [seed]`: the whole campaign, 20 kills under 50 calls unless said otherwise. */
import { runCampaign } from './campaign.ts'

const [kills = 20, calls = 50, seed = Math.floor(Math.random() * 1e9)] = process.argv.slice(2).map(Number)
console.log(`seed ${seed}`)
const result = await runCampaign(kills, calls, seed)
console.log(JSON.stringify(result, null, 2))
const isGood = result.wrong.length === 0 && result.brokenOff.length === 0 && result.live === 10
process.exit(isGood ? 0 : 1)
