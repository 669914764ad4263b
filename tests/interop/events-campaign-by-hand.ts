/** `npm run campaign:events -- [kills] [calls] [seed]`: the whole campaign, 100 kills under 10 calls unless said otherwise. */
import { runEventsCampaign } from './events-campaign.ts'

const [kills = 100, calls = 10, seed = Math.floor(Math.random() * 1e9)] = process.argv.slice(2).map(Number)
console.log(`seed ${seed}`)
process.env.CAMPAIGN_PROGRESS ??= '1'
const result = await runEventsCampaign(kills, calls, seed)
console.log(JSON.stringify(result, null, 2))
process.exit(result.violations.length === 0 ? 0 : 1)
