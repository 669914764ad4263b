/** An organisation with phones, made through the API alone, as an integrator would. */
import { type Carillon, type Json, until } from '../carillon.ts'
import { Phone, type PhoneOptions } from './phone.ts'
import { Sound } from './sound.ts'

export interface Person {
  readonly number: string
  readonly userId: string
  readonly deviceId: string
  readonly callflowId: string
  readonly username: string
  readonly password: string
}

/** A phone that is registered, with its sound. */
export interface Telephone extends Person {
  readonly phone: Phone
  readonly sound: Sound
}

/** A scripted user agent that is a carrier, and the trunk to it. */
export interface Line {
  readonly phone: Phone
  readonly sound: Sound
  readonly trunkId: string
}

export class Organisation {
  readonly carillon: Carillon
  readonly accountId: string
  readonly realm: string
  readonly #open: (() => void)[] = []

  private constructor(carillon: Carillon, accountId: string, realm: string) {
    this.carillon = carillon
    this.accountId = accountId
    this.realm = realm
  }

  static async create(carillon: Carillon, settings: Json = {}): Promise<Organisation> {
    const { accountId } = await carillon.account()
    const change = { id: accountId, telephony_enabled: true, country: 'BE', restriction: 'none', ...settings }
    const answer = await carillon.call('POST', '/v3.0/accounts', { data: change }, { 'x-account-id': accountId })
    if (answer.status !== 200) throw new Error(JSON.stringify(answer))
    return new Organisation(carillon, accountId, answer.data.realm)
  }

  /** One that is there already. */
  static of(carillon: Carillon, accountId: string, realm: string): Organisation {
    return new Organisation(carillon, accountId, realm)
  }

  /** `data` of the answer; throws with the answer when it is none. */
  async call(method: string, path: string, data?: unknown): Promise<Json> {
    const answer = await this.raw(method, path, data)
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`)
    return answer.data
  }

  raw(method: string, path: string, data?: unknown): Promise<Json> {
    const body = data === undefined ? undefined : { data }
    return this.carillon.call(method, `/v3.0/${path}`, body, { 'x-account-id': this.accountId })
  }

  /** A user with one device, reached by an internal number. */
  async person(
    number: string,
    fields: { user?: Json; device?: Json; branches?: Json; timeout?: number } = {},
  ): Promise<Person> {
    const user = await this.call('PUT', 'users', { first_name: `Person ${number}`, last_name: 'Test', ...fields.user })
    const device = await this.device(user.id, number, fields.device)
    const flow = await this.callflow([number], {
      module: 'user',
      data: { id: user.id, timeout: fields.timeout ?? 30 },
      children: fields.branches ?? {},
    })
    return { number, userId: user.id, callflowId: flow.id, ...device }
  }

  async device(
    ownerId: string,
    name: string,
    fields: Json = {},
  ): Promise<{ deviceId: string; username: string; password: string }> {
    const password = 'correct-horse-9'
    const device = await this.call('PUT', 'devices', { name: `Phone ${name}`, owner_id: ownerId, password, ...fields })
    return { deviceId: device.id, username: device.username, password }
  }

  callflow(numbers: readonly string[], flow: Json, fields: Json = {}): Promise<Json> {
    return this.call('PUT', 'callflows', { name: `Flow ${numbers[0] ?? 'code'}`, numbers, flow, ...fields })
  }

  /** A number for callers from outside, at which somebody's phones ring. */
  async direct(number: string, { userId }: Pick<Person, 'userId'>, timeout?: number): Promise<void> {
    await this.call('PUT', 'phone_numbers', { number })
    await this.callflow([number], { module: 'user', data: { id: userId, ...(timeout !== undefined && { timeout }) } })
  }

  /** `place`: of the proxy that it speaks to instead, and from where. */
  async phone(
    of: { username: string; password: string },
    place: Pick<PhoneOptions, 'address' | 'server' | 'webSocket'> & { port?: number } = {},
  ): Promise<{ phone: Phone; sound: Sound }> {
    const sound = await Sound.open()
    const phone = await Phone.open({
      username: of.username,
      password: of.password,
      domain: this.realm,
      port: this.carillon.sipPort,
      rtpPort: sound.port,
      ...place,
    })
    this.#open.push(
      () => sound.close(),
      () => phone.close(),
    )
    return { phone, sound }
  }

  /** A trunk to a scripted carrier at an address of loopback of its own: trunks are told apart by address. */
  async line(address: string, fields: Json = {}): Promise<Line> {
    const sound = await Sound.open()
    const { sipPort } = this.carillon
    const login = { username: 'carrier', password: '', domain: 'carrier.example' }
    const phone = await Phone.open({ ...login, port: sipPort, rtpPort: sound.port, address })
    this.#open.push(
      () => sound.close(),
      () => phone.close(),
    )
    const { advanced, ...others } = fields
    const trunk = await this.call('PUT', 'trunks', {
      name: `Carrier at ${address}`,
      server: address,
      port: phone.localPort,
      ...others,
      advanced: { options_seconds: 0, ...advanced },
    })
    return { phone, sound, trunkId: trunk.id }
  }

  /** A person whose phone is registered. */
  async telephone(number: string, fields: Parameters<Organisation['person']>[1] = {}): Promise<Telephone> {
    const person = await this.person(number, fields)
    const { phone, sound } = await this.phone(person)
    const { status } = await phone.register()
    if (status !== 200) throw new Error(`registration: ${status}`)
    return { ...person, phone, sound }
  }

  /** The events of this organisation's calls, by type, in their order. */
  async callEvents(callId?: string): Promise<Json[]> {
    const all = await this.carillon.events('call.*,cdr.*')
    return all.filter((event) => event.account_id === this.accountId && (!callId || event.resource.id === callId))
  }

  /** Those of legs; of a call that they are in. */
  async legEvents(callId?: string): Promise<Json[]> {
    const all = await this.carillon.events('leg.*')
    return all.filter((event) => event.account_id === this.accountId && (!callId || event.data.leg.call.id === callId))
  }

  /** Waits for the first event of that type, or the one after those that were there. */
  async eventOf(type: string, after = 0): Promise<Json> {
    const find = async () => (await this.callEvents()).filter((event) => event.type === type)[after]
    return until(find, `the event ${type}`)
  }

  /** The records of calls that are over, the newest last; waits until there are so many. */
  async records(count: number): Promise<Json[]> {
    return until(async () => {
      const records = (await this.carillon.events('cdr.final')).filter(
        ({ account_id }) => account_id === this.accountId,
      )
      return records.length >= count ? records.map(({ data }) => data.cdr as Json) : null
    }, `${count} call records`)
  }

  close(): void {
    for (const close of this.#open.splice(0)) close()
  }
}
