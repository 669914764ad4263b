/** How well a page receives and is received, for the people in the meeting: loss both ways, delay, what was left out. */
import type { Output } from './messages.ts'
import type { Peer } from './peer.ts'

type Quality = Omit<Extract<Output, { type: 'quality' }>, 'type' | 'peerId'>

/** Since the last look; null: nothing is sent to it. */
export function takeQuality({ subscriber, publisher, roomId }: Peer): Quality | null {
  if (!subscriber?.isConnected || roomId === null) return null
  const uplinkLoss = round(publisher?.uplinkLoss ?? 0, 100)
  const downlinkLoss = round(Math.max(subscriber.takeLoss(), subscriber.estimate.loss), 100)
  const rttMs = subscriber.rttMs === null ? null : Math.round(subscriber.rttMs)
  const downlinkBps = subscriber.estimate.hasFeedback ? round(subscriber.estimate.bps, 1 / 10_000) : null
  const pausedVideos = [...subscriber.paused].map(({ peerId, source }) => ({ peerId, source }))
  const level = levelOf(Math.max(uplinkLoss, downlinkLoss), rttMs ?? 0, pausedVideos.length)
  return { level, uplinkLoss, downlinkLoss, rttMs, downlinkBps, pausedVideos, isServerBusy: subscriber.isRefusedVideo }
}

const round = (value: number, per: number) => Math.round(value * per) / per

function levelOf(loss: number, rttMs: number, paused: number): Quality['level'] {
  if (loss > 0.15 || rttMs > 600 || paused > 0) return 'poor'
  return loss > 0.04 || rttMs > 300 ? 'fair' : 'good'
}
