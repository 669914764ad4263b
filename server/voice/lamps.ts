/**
 * What watched numbers are doing (RFC 4235): which devices are behind each, and their calls as those are shown them who
 * watch. A number that nobody watches costs nothing.
 */
import type { Directory } from '../../engine/call/directory.ts'
import type { LegId } from '../../engine/call/leg.ts'
import { devicesOfNumber, type Line } from '../../engine/call/line.ts'
import type { WatchedDialog } from '../../engine/sip/dialog-info.ts'
import { formatUri } from '../../engine/sip/uri.ts'

export interface LampsOptions {
  readonly account: (accountId: string) => Directory | undefined
  readonly linesOf: (deviceId: string) => readonly Line[]
  readonly dialogAtPeer: (leg: LegId) => NonNullable<WatchedDialog['replaces']> | null
}

export interface WatchedNumber {
  readonly accountId: string
  readonly number: string
}

interface Lamp extends WatchedNumber {
  /** Subscriptions. */
  readonly watchers: Set<string>
  devices: readonly string[]
}

export class Lamps {
  readonly #options: LampsOptions
  readonly #lamps = new Map<string, Lamp>()
  readonly #byWatcher = new Map<string, Lamp>()
  readonly #byDevice = new Map<string, Set<Lamp>>()

  constructor(options: LampsOptions) {
    this.#options = options
  }

  /** Internal numbers of people and of phones have a lamp. */
  mayBeWatched({ accountId, number }: WatchedNumber): boolean {
    const flow = this.#options.account(accountId)?.callflowOf(number)?.flow
    return !number.startsWith('+') && (flow?.module === 'user' || flow?.module === 'device')
  }

  watch(watcher: string, { accountId, number }: WatchedNumber): void {
    if (this.#byWatcher.has(watcher)) return
    const key = keyOf({ accountId, number })
    const known = this.#lamps.get(key)
    const lamp = known ?? { accountId, number, watchers: new Set<string>(), devices: [] }
    lamp.watchers.add(watcher)
    this.#byWatcher.set(watcher, lamp)
    if (known !== undefined) return
    this.#lamps.set(key, lamp)
    this.#connect(lamp, this.#devicesOf(lamp))
  }

  unwatch(watcher: string): void {
    const lamp = this.#byWatcher.get(watcher)
    if (lamp === undefined) return
    this.#byWatcher.delete(watcher)
    lamp.watchers.delete(watcher)
    if (lamp.watchers.size > 0) return
    this.#lamps.delete(keyOf(lamp))
    this.#connect(lamp, [])
  }

  /** The watched numbers that a device is behind. */
  ofDevice(deviceId: string): Iterable<WatchedNumber> {
    return this.#byDevice.get(deviceId) ?? []
  }

  /** Configuration was read again: those of its watched numbers that are other phones now. */
  refresh(accountId: string): WatchedNumber[] {
    const changed: WatchedNumber[] = []
    for (const lamp of this.#lamps.values()) {
      if (lamp.accountId !== accountId) continue
      const devices = this.#devicesOf(lamp)
      if (devices.join() === lamp.devices.join()) continue
      this.#connect(lamp, devices)
      changed.push(lamp)
    }
    return changed
  }

  dialogs(watched: WatchedNumber): WatchedDialog[] {
    const directory = this.#options.account(watched.accountId)
    if (directory === undefined) return []
    const devices = this.#lamps.get(keyOf(watched))?.devices ?? this.#devicesOf(watched)
    return devices.flatMap((deviceId) =>
      this.#options.linesOf(deviceId).map((line) => this.#toDialog(line, directory.account.realm)),
    )
  }

  #toDialog({ leg, direction, state, remote }: Line, host: string): WatchedDialog {
    // Whoever watches may take a call that rings; one that talks is not theirs to take.
    const isTakeable = direction === 'recipient' && state === 'early'
    const { isAnonymous, number: user, name } = remote
    return {
      id: leg,
      direction,
      state,
      replaces: isTakeable ? this.#options.dialogAtPeer(leg) : null,
      remote: isAnonymous ? anonymous : { uri: formatUri({ scheme: 'sip', user, host }), name },
    }
  }

  #devicesOf({ accountId, number }: WatchedNumber): readonly string[] {
    const directory = this.#options.account(accountId)
    return directory === undefined ? [] : devicesOfNumber(directory, number)
  }

  #connect(lamp: Lamp, devices: readonly string[]): void {
    for (const deviceId of lamp.devices) {
      const lamps = this.#byDevice.get(deviceId)
      lamps?.delete(lamp)
      if (lamps?.size === 0) this.#byDevice.delete(deviceId)
    }
    lamp.devices = devices
    for (const deviceId of devices) {
      const lamps = this.#byDevice.get(deviceId)
      if (lamps === undefined) this.#byDevice.set(deviceId, new Set([lamp]))
      else lamps.add(lamp)
    }
  }
}

/** RFC 3323 §4.1.1.3. */
const anonymous = { uri: 'sip:anonymous@anonymous.invalid', name: 'Anonymous' } as const

const keyOf = ({ accountId, number }: WatchedNumber): string => `${accountId} ${number}`
