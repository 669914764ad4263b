/** The part of autocannon that the benchmarks use; the package has no types. */
declare module 'autocannon' {
  interface Options {
    readonly url: string
    readonly method: string
    readonly headers: Record<string, string>
    readonly body: string
    readonly connections: number
    readonly amount: number
  }
  export default function autocannon(options: Options): Promise<{ readonly '2xx': number }>
}
