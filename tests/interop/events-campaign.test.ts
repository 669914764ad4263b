import { expect, it } from 'vitest'
import { runEventsCampaign } from './events-campaign.ts'

// The whole campaign, 100 kills, is `npm run campaign:events`.
it('E1, E2, E3, E6: processes are killed under load, and the four readers of the log see the same, whole', async () => {
  const result = await runEventsCampaign(6, 8, 1)
  console.log(JSON.stringify({ ...result, violations: result.violations.length }))
  expect(result.violations).toEqual([])
  expect(result.events).toBeGreaterThan(200)
  expect(result.changes).toBeGreaterThan(20)
}, 240_000)
