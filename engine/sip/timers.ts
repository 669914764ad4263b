/** The timer values of RFC 3261 Table 4, from which timers A to K, L and M (RFC 6026) follow. */
export interface Timers {
  /** An estimate of the round trip. */
  readonly t1: number
  /** The longest interval between retransmissions of a non-INVITE request or an INVITE response. */
  readonly t2: number
  /** How long a message stays in the network. */
  readonly t4: number
}

export const defaultTimers: Timers = { t1: 500, t2: 4000, t4: 5000 }

/** Timers B, D, F, H, J, L and M: how long a transaction waits for the other side. */
export const giveUpMs = (timers: Timers): number => 64 * timers.t1
