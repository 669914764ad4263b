/**
 * How a call sounded, as an opinion score estimated by the E-model (ITU-T G.107 with the codecs of G.113): delay and loss
 * take away from 93.2, and what is left is turned into 1 … 4.5.
 */

interface Impairment {
  /** Of the codec alone, and how well it bears loss. */
  readonly equipment: number
  readonly robustness: number
}

/** G.113 appendix I; G.711 with the concealment that every phone has. */
const impairments = new Map<string, Impairment>([
  ['PCMA', { equipment: 0, robustness: 25.1 }],
  ['PCMU', { equipment: 0, robustness: 25.1 }],
  ['G722', { equipment: 0, robustness: 25.1 }],
  ['G729', { equipment: 11, robustness: 19 }],
  ['OPUS', { equipment: 0, robustness: 30 }],
])
const unknownCodec: Impairment = { equipment: 10, robustness: 15 }
const best = 93.2
/** Where delay begins to disturb talking. */
const disturbingMs = 177.3

export interface Path {
  readonly codec: string
  readonly lossRatio: number
  readonly jitterMs: number
  readonly rttMs: number | null
  readonly ptimeMs: number
}

export function estimateMos({ codec, lossRatio, jitterMs, rttMs, ptimeMs }: Path): number {
  const { equipment, robustness } = impairments.get(codec) ?? unknownCodec
  // A phone's jitter buffer holds about twice the jitter, and a packet is as old as it is long.
  const delayMs = (rttMs ?? 0) / 2 + 2 * jitterMs + ptimeMs
  const delayed = 0.024 * delayMs + 0.11 * Math.max(0, delayMs - disturbingMs)
  const loss = 100 * lossRatio
  const lost = equipment + ((95 - equipment) * loss) / (loss + robustness)
  return scoreOf(Math.max(0, best - delayed - lost))
}

/** G.107 annex B. */
const scoreOf = (rating: number): number =>
  Math.max(1, Math.round(100 * (1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6)) / 100)
