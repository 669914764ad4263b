import type { Instant, Machine } from '../machine.ts'

/** Drives one machine on a clock that jumps from deadline to deadline: 32 s of SIP timers take no time. */
export class Bench<I, O> {
  now: Instant = 0
  readonly log: { at: Instant; output: O }[] = []
  readonly #machine: Machine<I, O>
  readonly #wake: I

  constructor(machine: Machine<I, O>, wake: I) {
    this.#machine = machine
    this.#wake = wake
    this.#drain()
  }

  input(input: I): O[] {
    this.#machine.handle(this.now, input)
    return this.#drain()
  }

  advance(ms: number): void {
    const until = this.now + ms
    for (;;) {
      const next = this.#machine.deadline()
      if (next === undefined || next > until) break
      this.now = next
      this.input(this.#wake)
    }
    this.now = until
  }

  #drain(): O[] {
    const outputs: O[] = []
    for (let output = this.#machine.poll(); output !== undefined; output = this.#machine.poll()) {
      outputs.push(output)
      this.log.push({ at: this.now, output })
    }
    return outputs
  }
}
