/**
 * The telephony configuration of all accounts in memory (T4): read whole at the start, and account by account when the
 * api says that something changed. Calls read nothing else, so they go on while the database is away.
 *
 * Invariant: an account's directory is replaced whole, so that a call never sees half a change.
 */
import { Directory, type Directories as RoutingDirectories, type Trunk } from '../../engine/call/directory.ts'
import type { Configuration } from './configuration.ts'
import * as rows from './directory-rows.ts'
import { sandboxTrunk } from './sandbox-trunk.ts'

/** Who proves by a password who it is. */
export interface SignIn {
  readonly accountId: string
  readonly username: string
  readonly password: string
  readonly realm: string
  readonly algorithm: 'MD5' | 'SHA-256'
  readonly isEnabled: boolean
}

export interface DeviceLogin extends SignIn {
  readonly deviceId: string
  readonly ownerId: string | null
}

/** A trunk without a server: it registers here, and its calls come with its password (T14). */
export interface TrunkSignIn extends SignIn {
  readonly trunkId: string
}

/** A trunk as the ways in and our registrations see it. */
export interface TrunkLogin {
  readonly trunk: Trunk
  readonly addresses: readonly string[]
  readonly isRegistering: boolean
  readonly registrationSeconds: number
  readonly optionsSeconds: number
  /** To the simulated outside world: nobody else's calls come by it. */
  readonly isSandbox?: true
}

export interface DirectoriesOptions {
  /** Null: all accounts. */
  readonly load: (accountId: string | null) => Promise<Configuration>
  /** A media's file on this machine, made when it is not there yet. */
  readonly fileOf: (media: Configuration['medias'][number]) => Promise<string | null>
  readonly realmOf: (account: { readonly id: string; readonly realm: string | null }) => string
  /** Where the simulated outside world is; null: not there yet. */
  readonly sandbox: () => { readonly address: string; readonly port: number } | null
}

export class Directories implements RoutingDirectories {
  readonly #options: DirectoriesOptions
  readonly #accounts = new Map<string, Directory>()
  readonly #numbers = new Map<string, string>()
  readonly #devices = new Map<string, DeviceLogin>()
  readonly #trunks = new Map<string, TrunkLogin>()
  /** By lower-case user name. */
  readonly #byUsername = new Map<string, DeviceLogin>()
  /** By lower-case user name; accounts do not know of each other's. */
  readonly #trunkSignIns = new Map<string, readonly TrunkSignIn[]>()
  readonly #parents = new Map<string, string | null>()
  /** Accounts that may use the root's carriers. */
  readonly #guests = new Set<string>()
  /** Accounts whose outside world is simulated. */
  readonly #sandboxes = new Set<string>()
  /** Changes are carried out one after the other. */
  #queue: Promise<unknown> = Promise.resolve()

  constructor(options: DirectoriesOptions) {
    this.#options = options
  }

  account(accountId: string): Directory | undefined {
    return this.#accounts.get(accountId)
  }

  ofPhoneNumber(e164: string): Directory | undefined {
    const accountId = this.#numbers.get(e164)
    return accountId === undefined ? undefined : this.#accounts.get(accountId)
  }

  device(deviceId: string): DeviceLogin | undefined {
    return this.#devices.get(deviceId)
  }

  /** T20: a user name is unique in the installation. */
  deviceByUsername(username: string): DeviceLogin | undefined {
    return this.#byUsername.get(username.toLowerCase())
  }

  /**
   * Whoever has that user name in the realm; where it is none of ours, as for a phone that knows an address only, a device
   * comes before trunks (T20). So nobody is in the way of another account's trunk.
   */
  signIn(username: string, realm: string | null): DeviceLogin | TrunkSignIn | undefined {
    const device = this.deviceByUsername(username)
    const trunks = this.#trunkSignIns.get(username.toLowerCase()) ?? []
    const all = device === undefined ? trunks : [device, ...trunks]
    return all.find((one) => one.realm === realm) ?? all[0]
  }

  /** Null: it does not sign in. */
  trunkSignIn(trunkId: string): TrunkSignIn | null {
    const username = this.#trunks.get(trunkId)?.trunk.username?.toLowerCase() ?? ''
    return this.#trunkSignIns.get(username)?.find((one) => one.trunkId === trunkId) ?? null
  }

  get hasSandbox(): boolean {
    return this.#sandboxes.size > 0
  }

  get trunks(): Iterable<TrunkLogin> {
    return this.#trunks.values()
  }

  trunk(trunkId: string): TrunkLogin | undefined {
    return this.#trunks.get(trunkId)
  }

  /** Null: all of them. */
  reload(accountId: string | null): Promise<void> {
    const run = () => this.#load(accountId)
    const done = this.#queue.then(run, run)
    this.#queue = done.catch(() => {})
    return done
  }

  async #load(accountId: string | null): Promise<void> {
    const configuration = await this.#options.load(accountId)
    const files = new Map<string, string>()
    for (const media of configuration.medias) {
      const file = await this.#options.fileOf(media)
      if (file !== null) files.set(media.id, file)
    }
    if (accountId === null) for (const known of [...this.#accounts.keys()]) this.#forget(known)
    else this.#forget(accountId)
    for (const account of configuration.accounts) this.#place(account, configuration, files)
    this.#shareTrunks()
  }

  #forget(accountId: string): void {
    this.#accounts.delete(accountId)
    this.#parents.delete(accountId)
    this.#guests.delete(accountId)
    this.#sandboxes.delete(accountId)
    for (const [number, owner] of this.#numbers) if (owner === accountId) this.#numbers.delete(number)
    for (const [id, { trunk }] of this.#trunks) if (trunk.accountId === accountId) this.#trunks.delete(id)
    for (const [username, all] of this.#trunkSignIns) {
      const others = all.filter((one) => one.accountId !== accountId)
      if (others.length > 0) this.#trunkSignIns.set(username, others)
      else this.#trunkSignIns.delete(username)
    }
    for (const [id, login] of this.#devices) {
      if (login.accountId !== accountId) continue
      this.#devices.delete(id)
      // Another account may have taken the name meanwhile, and have been read before this one.
      const username = login.username.toLowerCase()
      if (this.#byUsername.get(username) === login) this.#byUsername.delete(username)
    }
  }

  #place(
    account: Configuration['accounts'][number],
    configuration: Configuration,
    files: ReadonlyMap<string, string>,
  ): void {
    const { id } = account
    const realm = this.#options.realmOf(account)
    const directory = new Directory(rows.toAccount(account, realm))
    const mine = <T extends { readonly accountId: string }>(all: readonly T[]) =>
      configuration.accounts.length === 1 ? all : all.filter(({ accountId }) => accountId === id)
    this.#accounts.set(id, directory)
    this.#parents.set(id, account.parentId)
    if (rows.isSandbox(account)) this.#sandboxes.add(id)
    else if (rows.usesPlatformTrunks(account)) this.#guests.add(id)
    for (const row of mine(configuration.users)) directory.put('user', rows.toUser(row))
    for (const row of mine(configuration.callflows)) directory.put('callflow', rows.toCallflow(row))
    for (const row of mine(configuration.contacts)) directory.put('contact', rows.toContact(row))
    const medias = mine(configuration.medias).toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
    for (const row of medias) {
      const path = files.get(row.id)
      if (path !== undefined) directory.put('media', rows.toMedia(row, path))
    }
    for (const row of mine(configuration.phoneNumbers)) {
      if (row.state !== 'in_service') continue
      directory.put('phoneNumber', rows.toPhoneNumber(row))
      this.#numbers.set(row.number, id)
    }
    for (const row of mine(configuration.devices)) {
      directory.put('device', rows.toDevice(row, rows.deviceLimit(account)))
      const login = rows.toDeviceLogin(row, realm)
      this.#devices.set(row.id, login)
      this.#byUsername.set(row.username.toLowerCase(), login)
    }
    if (this.#sandboxes.has(id)) return this.#placeSandbox(id, directory)
    for (const row of mine(configuration.trunks)) {
      const login = rows.toTrunkLogin(row)
      directory.put('trunk', login.trunk)
      this.#trunks.set(row.id, login)
      const signIn = rows.toTrunkSignIn(login, realm)
      if (signIn === null) continue
      const username = signIn.username.toLowerCase()
      this.#trunkSignIns.set(username, [...(this.#trunkSignIns.get(username) ?? []), signIn])
    }
  }

  /** Instead of all its trunks: whatever is called from there, nobody real is. */
  #placeSandbox(accountId: string, directory: Directory): void {
    const place = this.#options.sandbox()
    if (place === null) return
    const login = { ...rows.toTrunkLogin(sandboxTrunk(accountId, place.address, place.port)), isSandbox: true } as const
    directory.put('trunk', login.trunk)
    this.#trunks.set(login.trunk.id, login)
  }

  /** `platform_trunk_enabled`: the carrier trunks of the root are tried after an account's own. */
  #shareTrunks(): void {
    const root = [...this.#parents].find(([, parent]) => parent === null)?.[0]
    const shared = [...this.#trunks.values()].filter(
      ({ trunk }) => trunk.accountId === root && trunk.category === 'carrier' && trunk.callsDirection !== 'incoming',
    )
    for (const [id, directory] of this.#accounts) {
      if (id === root || this.#sandboxes.has(id)) continue
      for (const trunk of directory.trunks) if (trunk.accountId !== id) directory.remove('trunk', trunk.id)
      if (!this.#guests.has(id)) continue
      for (const { trunk } of shared) {
        directory.put('trunk', { ...trunk, trunkOrder: trunk.trunkOrder + platformOrder })
      }
    }
  }
}

/** Behind every order that an account can give. */
const platformOrder = 100_000
