/** A synthetic peer as a guest of a real meeting: it speaks the meeting socket's frames as a page does. */
import type { ClientOp, EventParams, OpParams, OpResult, ServerEvent, Slot } from '../contract/signalling.ts'
import type { SlotState, Source, WantedVideo } from '../engine/sfu/messages.ts'
import type { SyntheticEvents, SyntheticSignalling } from './synthetic-peer.ts'

const pingMs = 5_000

export class MeetingSignalling implements SyntheticSignalling {
  readonly #socketUrl: string
  readonly #meetingId: string
  readonly #name: string
  readonly #hasMedia: boolean
  readonly #waiting = new Map<number, { resolve: (ok: unknown) => void; reject: (error: Error) => void }>()
  /** Who else is inside, by id. */
  readonly others = new Map<string, { readonly name: string }>()
  id = ''
  #socket: WebSocket | null = null
  #ping: NodeJS.Timeout | null = null
  #lastId = 0
  #events: SyntheticEvents | null = null
  /** Why the server ended it, if it did. */
  ended: string | null = null

  /** `link` is what people are sent: `http://…/meet/1234-5678-9012-3456`. */
  constructor(link: string, name: string, hasMedia: boolean) {
    const url = new URL(link)
    this.#socketUrl = `${url.origin.replace('http', 'ws')}/meet/socket`
    this.#meetingId = url.pathname.split('/').at(-1) ?? ''
    this.#name = name
    this.#hasMedia = hasMedia
  }

  async open(events: SyntheticEvents): Promise<void> {
    this.#events = events
    const socket = new WebSocket(this.#socketUrl)
    this.#socket = socket
    socket.onmessage = ({ data }) => this.#read(JSON.parse(String(data)))
    await new Promise<void>((resolve, reject) => {
      socket.onopen = () => resolve()
      socket.onerror = () => reject(new Error(`no meeting socket at ${this.#socketUrl}`))
    })
    socket.onclose = () => this.#closed()
    this.#ping = setInterval(() => void this.#ask('ping', {}).catch(() => {}), pingMs)
    await this.#ask('hello', { meetingId: this.#meetingId })
  }

  async publish(sdp: string, sources: Readonly<Record<string, Source>>): Promise<string> {
    return (await this.#ask('publish', { sdp, sources: { ...sources } })).sdp
  }

  async subscribe(): Promise<void> {
    await this.#ask('subscribe', { fresh: false })
  }

  async answer(revision: number, sdp: string): Promise<void> {
    await this.#ask('answer', { revision, sdp })
  }

  async join(): Promise<void> {
    const media = { microphone: this.#hasMedia, camera: this.#hasMedia }
    const { self, participants } = await this.#ask('join', { name: this.#name, ...media })
    this.id = self.id
    for (const { id, name } of participants) if (id !== self.id) this.others.set(id, { name })
  }

  async wanted(wanted: readonly WantedVideo[]): Promise<void> {
    await this.#ask('wanted', {
      wanted: wanted.map(({ peerId, source, height }) => ({ participantId: peerId, source, height })),
    })
  }

  async leave(): Promise<void> {
    await this.#ask('leave', {}).catch(() => {}) // the server may close before it answers
    this.#socket?.close()
  }

  #ask<O extends ClientOp>(op: O, params: OpParams<O>): Promise<OpResult<O>> {
    this.#lastId += 1
    const id = this.#lastId
    const answer = new Promise<unknown>((resolve, reject) => {
      if (this.#socket?.readyState !== WebSocket.OPEN) return reject(new Error('the meeting socket is closed'))
      this.#waiting.set(id, { resolve, reject })
      this.#socket.send(JSON.stringify({ id, op, params }))
    })
    return answer as Promise<OpResult<O>> // what the contract says of this op
  }

  #read(frame: Frame): void {
    if ('event' in frame) return this.#tell(frame.event, frame.params)
    const waiting = this.#waiting.get(frame.re)
    this.#waiting.delete(frame.re)
    if ('error' in frame) waiting?.reject(new Error(`${frame.error.code}: ${frame.error.message}`))
    else waiting?.resolve(frame.ok)
  }

  #tell(event: ServerEvent, params: unknown): void {
    const on: { readonly [E in ServerEvent]?: (params: EventParams<E>) => void } = {
      offer: ({ revision, sdp }) => this.#events?.offer(revision, sdp),
      slots: ({ slots }) => this.#events?.slots(slots.map(toSlotState)),
      layers: ({ source, active }) => this.#events?.layers(source, active),
      participant_joined: ({ participant }) => this.others.set(participant.id, { name: participant.name }),
      participant_left: ({ participantId }) => this.others.delete(participantId),
      bye: ({ reason }) => {
        this.ended = reason
      },
    }
    const run = on[event] as ((params: unknown) => void) | undefined
    run?.(params)
  }

  #closed(): void {
    if (this.#ping) clearInterval(this.#ping)
    for (const { reject } of this.#waiting.values()) reject(new Error('the meeting socket closed'))
    this.#waiting.clear()
  }
}

type Frame =
  | { readonly event: ServerEvent; readonly params: unknown }
  | { readonly re: number; readonly ok: unknown }
  | { readonly re: number; readonly error: { readonly code: string; readonly message: string } }

const toSlotState = ({ participantId, ...slot }: Slot): SlotState => ({ ...slot, peerId: participantId })
