/** The product, an organisation in it and phones that are registered, for the whole of one test file. */
import { afterAll } from 'vitest'
import { Carillon, type Json } from '../carillon.ts'
import { Organisation, type Telephone } from './organisation.ts'

const numbers = { alice: '1001', bob: '1002', carol: '1003', dave: '1004' } as const
type Name = keyof typeof numbers

interface Opened {
  readonly carillon: Carillon
  readonly organisation: Organisation
}

interface Wishes<N extends Name> {
  readonly environment?: Record<string, string>
  /** Of the account. */
  readonly settings?: Json
  /** Of a person, their phone and their number. */
  readonly people?: { readonly [K in N]?: Parameters<Organisation['telephone']>[1] }
}

/** `const { carillon, organisation, alice, bob } = await openPhones(['alice', 'bob'])`; all is closed after the tests. */
export async function openPhones<const N extends Name>(
  names: readonly N[],
  { environment, settings, people }: Wishes<N> = {},
): Promise<Opened & Readonly<Record<N, Telephone>>> {
  const carillon = await Carillon.start(environment)
  let organisation: Organisation | undefined
  const close = async () => {
    organisation?.close()
    await carillon.destroy()
  }
  try {
    organisation = await Organisation.create(carillon, settings)
    const phones: Partial<Record<Name, Telephone>> = {}
    for (const name of names) phones[name] = await organisation.telephone(numbers[name], people?.[name])
    afterAll(close)
    return { carillon, organisation, ...(phones as Record<N, Telephone>) }
  } catch (error) {
    await close() // no hook runs for a file that fails while it is read
    throw error
  }
}
