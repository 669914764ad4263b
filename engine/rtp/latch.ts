/**
 * Where an endpoint sends to, and whom it hears (T10). A peer behind NAT sends from another address than it signalled, so
 * the first packet from the signalled or from the signalling address decides; after that only its sender is heard, until
 * there is a new description. Everybody else is counted.
 */

export interface Signalled {
  readonly address: string
  readonly port: number
  readonly rtcpPort: number
  /** Where its SIP came from. */
  readonly signalling: string
}

export class Latch {
  /** Null: nowhere yet. */
  address: string | null = null
  port = 0
  controlPort = 0
  isLatched = false
  /** Packets from elsewhere. */
  refused = 0
  #signalled: Signalled | null = null
  #isControlLatched = false

  signal(signalled: Signalled): void {
    const before = this.#signalled
    const isSame = before?.address === signalled.address && before.port === signalled.port
    this.#signalled = signalled
    this.isLatched = false
    this.#isControlLatched = false
    // What was found out goes on to be true until packets say otherwise: a private address leads nowhere.
    if (isSame && this.address !== null) return
    this.address = signalled.address
    this.port = signalled.port
    this.controlPort = signalled.rtcpPort
  }

  /** Whether a packet may be from the peer; counts it when not. */
  allows(address: string, port: number): boolean {
    if (this.isLatched) {
      if (port === this.port && address === this.address) return true
    } else if (this.#signalled === null) return false
    else if (this.#isNamed(address)) return true
    this.refused += 1
    return false
  }

  /** A good packet came from there. */
  take(address: string, port: number): void {
    if (this.isLatched) return
    this.isLatched = true
    if (this.#isControlLatched && address === this.address) {
      this.port = port
      return
    }
    const isSignalled = port === this.#signalled?.port && isSameAddress(address, this.#signalled.address)
    this.address = address
    this.port = port
    this.#isControlLatched = false
    this.controlPort = isSignalled ? (this.#signalled?.rtcpPort ?? port + 1) : port + 1
  }

  allowsControl(address: string, port: number): boolean {
    if (this.isLatched || this.#isControlLatched) {
      if (address === this.address && (!this.#isControlLatched || port === this.controlPort)) return true
    } else if (this.#signalled === null) return false
    else if (this.#isNamed(address)) return true
    this.refused += 1
    return false
  }

  takeControl(address: string, port: number): void {
    if (this.#isControlLatched || (this.isLatched && port === this.port)) return
    // RTCP alone does not say where RTP goes: its port was not seen.
    if (address !== this.address) return
    this.#isControlLatched = true
    this.controlPort = port
  }

  #isNamed(address: string): boolean {
    const signalled = this.#signalled
    if (!signalled) return false
    return isSameAddress(address, signalled.address) || isSameAddress(address, signalled.signalling)
  }
}

/** An IPv6 address can be written in many ways. */
export function isSameAddress(a: string, b: string): boolean {
  return a === b || (a.includes(':') && b.includes(':') && expanded(a) === expanded(b))
}

function expanded(address: string): string {
  const [bare = ''] = address.toLowerCase().split('%')
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(bare)
  const hex = (high = '0', low = '0') => ((Number(high) << 8) | Number(low)).toString(16)
  const whole = dotted ? `${dotted[1]}${hex(dotted[2], dotted[3])}:${hex(dotted[4], dotted[5])}` : bare
  const [head = '', tail] = whole.split('::')
  const left = head.split(':').filter(Boolean)
  const right = (tail ?? '').split(':').filter(Boolean)
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right]
  return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')
}
