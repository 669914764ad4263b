/** What meetings need of a media worker; server/media/client.ts is it. */
import type { Order, PeerId, Report, RoomId } from '../../engine/sfu/messages.ts'

export type Publish = Extract<Order, { type: 'publish' }>
export type Answer = Extract<Order, { type: 'answer' }>
/** Orders that nobody waits for. */
export type Command = Exclude<Order, { request: number }>

export interface MediaEvents {
  report(report: Report): void
  /** Connected, the first time or again. Another epoch is another process: what the old one held is gone. */
  up(epoch: string, peers: readonly { readonly peerId: PeerId; readonly roomId: RoomId | null }[]): void
  lost(): void
}

export interface Media {
  readonly isUp: boolean
  tell(command: Command): void
  /** `published`, `accepted` or `refused`; rejects when the worker goes away or takes too long. */
  ask(order: Omit<Publish, 'request'> | Omit<Answer, 'request'>): Promise<Report>
}
