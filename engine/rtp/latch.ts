/**
 * Where an endpoint sends to, and whom it hears (T10). A peer behind NAT sends from another address than it signalled, so
 * the first packet from the signalled or from the signalling address decides; after that only its sender is heard, until
 * there is a new description. Everybody else is counted.
 *
 * Where a new description names another port, what is still on its way from the old one does not decide: the peer has
 * closed it by the time we would send there.
 */

export interface Signalled {
  readonly address: string
  readonly port: number
  readonly rtcpPort: number
  /** Where its SIP came from. */
  readonly signalling: string
}

interface Place {
  readonly address: string
  readonly port: number
  readonly controlPort: number
}

/** A second of them without one from elsewhere, and the peer did not move, whatever it described. */
const mostFormer = 50

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
  /** The peer's place while it described another port. */
  #former: Place | null = null
  #formerPackets = 0

  signal(signalled: Signalled): void {
    const before = this.#signalled
    const isSame = before?.address === signalled.address && before.port === signalled.port
    if (this.address !== null && before?.port !== signalled.port) {
      this.#former = { address: this.address, port: this.port, controlPort: this.controlPort }
      this.#formerPackets = 0
    }
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
    else if (port > 0 && this.#isNamed(address)) return true
    this.refused += 1
    return false
  }

  /** A good packet came from there. */
  take(address: string, port: number): void {
    if (this.isLatched || this.#isFormer(address, port)) return
    this.isLatched = true
    if (this.#isControlLatched && address === this.address) {
      this.port = port
      return
    }
    const isSignalled = port === this.#signalled?.port && isSameAddress(address, this.#signalled.address)
    this.address = address
    this.port = port
    this.#isControlLatched = false
    const next = Math.min(port + 1, 65_535)
    this.controlPort = isSignalled ? (this.#signalled?.rtcpPort ?? next) : next
  }

  allowsControl(address: string, port: number): boolean {
    if (this.isLatched || this.#isControlLatched) {
      if (address === this.address && (!this.#isControlLatched || port === this.controlPort)) return true
    } else if (this.#signalled === null) return false
    else if (port > 0 && this.#isNamed(address)) return true
    this.refused += 1
    return false
  }

  takeControl(address: string, port: number): void {
    if (this.#isControlLatched || (this.isLatched && port === this.port)) return
    // RTCP alone does not say where RTP goes: its port was not seen.
    if (address !== this.address || port === this.#former?.controlPort) return
    this.#isControlLatched = true
    this.controlPort = port
  }

  #isFormer(address: string, port: number): boolean {
    const former = this.#former
    if (port !== former?.port || port === this.#signalled?.port || !isSameAddress(address, former.address)) return false
    this.#formerPackets += 1
    return this.#formerPackets < mostFormer
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
