/** Arithmetic of 16-bit sequence numbers and 32-bit timestamps that wrap (RFC 3550 §5.1, RFC 1982). */

/** How far `a` is ahead of `b`: -32768 … 32767. */
export const ahead16 = (a: number, b: number): number => ((a - b) << 16) >> 16

/** How far timestamp `a` is ahead of `b`: -2^31 … 2^31-1. */
export const ahead32 = (a: number, b: number): number => (a - b) | 0

/** The 48-bit number nearest to `reference` whose low 16 bits are `seq`. */
export const unwrap16 = (seq: number, reference: number): number => reference + ahead16(seq, reference & 0xffff)
