/** The parts of the api process, made once by its main and given to every handler. */
import type { FastifyBaseLogger } from 'fastify'
import type { ClientConfig } from 'pg'
import { Credentials } from './auth/credentials.ts'
import { Directory } from './auth/directory.ts'
import { createSigner, type Signer } from './auth/signing.ts'
import type { Config } from './config.ts'
import { Feed } from './events/feed.ts'
import { Sequencer } from './events/sequencer.ts'
import type { Instance } from './first-start.ts'
import { Outbox } from './mail/outbox.ts'
import { meetingLinks } from './meeting/links.ts'
import type { Media, MediaEvents } from './meeting/media.ts'
import { MeetingPhones } from './meeting/phones.ts'
import { Rooms } from './meeting/rooms.ts'
import { Outgoing } from './outgoing/outgoing.ts'
import type { Resolve } from './outgoing/resolver.ts'
import { Streams } from './realtime/streams.ts'
import type { OutsideCall } from './sandbox/protocol.ts'
import type { Database } from './store/database.ts'
import { createVault, type Vault } from './auth/vault.ts'
import type { CallCommand, CommandRefusal } from '../engine/call/command.ts'

export type CommandAnswer =
  /** It is done, or on its way. */
  | { readonly type: 'obeyed' }
  /** Nothing was done. */
  | { readonly type: 'refused'; readonly refusal: CommandRefusal }
  /** Nobody is there, and nothing was done. */
  | { readonly type: 'away' }
  /** It was given, and nobody said what became of it: an event will. */
  | { readonly type: 'unknown' }

/** The voice process, as handlers know it. */
export interface Voice {
  /** What was committed for this account is what calls go by when this returns (T4). */
  changed(accountId: string): Promise<void>
  command(command: CallCommand): Promise<CommandAnswer>
  /** False: the simulated outside world is not there. */
  sandboxCall(call: OutsideCall): Promise<boolean>
  /** Hangs up the leg that is in a meeting as that participant, if there is one. */
  dropPhone(participantId: string): void
}

/** Where no calls are carried. */
export const noVoice: Voice = {
  changed: async () => {},
  command: async () => ({ type: 'away' }),
  sandboxCall: async () => false,
  dropPhone: () => {},
}

export interface App {
  readonly config: Config
  readonly database: Database
  readonly log: FastifyBaseLogger
  readonly clock: () => number
  readonly credentials: Credentials
  readonly directory: Directory
  readonly signer: Signer
  readonly vault: Vault
  readonly voice: Voice
  readonly sequencer: Sequencer
  readonly feed: Feed
  readonly streams: Streams
  readonly outbox: Outbox
  /** Requests to addresses that customers name (S8). */
  readonly outgoing: Outgoing
  readonly rooms: Rooms
  readonly phones: MeetingPhones
  readonly rootAccountId: string
  readonly whitelabelId: string
  /** Of the public URL: what realms are made from. */
  readonly host: string
}

export interface Parts {
  readonly config: Config
  readonly connection: ClientConfig
  readonly database: Database
  readonly log: FastifyBaseLogger
  readonly clock: () => number
  readonly masterKey: Buffer
  readonly instanceApiKey: string
  readonly instance: Instance
  readonly openMedia: (worker: number, events: MediaEvents) => Media
  /** Default: nobody is told. */
  readonly voice?: Voice
  /** For tests: what names resolve to, and how long a request may take. */
  readonly outgoing?: { readonly resolve?: Resolve; readonly timeoutMs?: number; readonly ca?: string }
  /** For tests; 30 s else (M6). */
  readonly graceMs?: number
  /** For tests; 15 s and 30 s else. */
  readonly streams?: { readonly heartbeatMs?: number; readonly slowMs?: number }
}

const graceMs = 30_000

export function createApp(parts: Parts): App {
  const { config, connection, database, log, clock, instance } = parts
  const { rootAccountId, whitelabelId } = instance
  const signer = createSigner(parts.masterKey)
  const sequencer = new Sequencer({ connection, log, clock })
  const links = meetingLinks({ config, signer, whitelabelId })
  const host = new URL(config.publicUrl).hostname
  const credentials = new Credentials({ database, clock, rootAccountId, instanceApiKey: parts.instanceApiKey })
  const voice = parts.voice ?? noVoice
  const rooms = new Rooms({
    config,
    database,
    log,
    clock,
    signer,
    sequencer,
    links,
    openMedia: parts.openMedia,
    graceMs: parts.graceMs ?? graceMs,
    dropPhone: (participantId) => voice.dropPhone(participantId),
  })
  return {
    config,
    database,
    log,
    clock,
    signer,
    vault: createVault(parts.masterKey),
    voice,
    sequencer,
    rootAccountId,
    whitelabelId,
    host,
    credentials,
    directory: new Directory(database, clock),
    feed: new Feed({ connection, database, log }),
    streams: new Streams({ credentials, log, ...parts.streams }),
    outgoing: new Outgoing({ config, rootAccountId, ...parts.outgoing }),
    outbox: new Outbox({ database, smtpUrl: config.smtpUrl, dataDir: config.dataDir, host, log, clock }),
    rooms,
    phones: new MeetingPhones(rooms),
  }
}
