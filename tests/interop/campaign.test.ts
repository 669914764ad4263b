import { expect, it } from 'vitest'
import { runCampaign } from './campaign.ts'

// The whole campaign, 20 kills under 50 calls, is `npm run campaign`.
it('T3, T5, T6, T7: processes are killed under calls, and every call that was answered goes on and ends once', async () => {
  const result = await runCampaign(5, 20, 1)
  console.log(JSON.stringify({ ...result, wrong: result.wrong.length, brokenOff: result.brokenOff.length }))
  expect(result.wrong).toEqual([])
  expect(result.brokenOff).toEqual([])
  expect(result.survived).toBeGreaterThan(0)
  expect(result.live).toBe(10)
}, 180_000)
