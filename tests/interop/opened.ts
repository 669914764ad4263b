/** The product, an organisation in it and phones that are registered, for the whole of one test file. */
import { afterAll, beforeAll } from 'vitest'
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

/**
 * `const { carillon, organisation, alice, bob } = await openPhones(['alice', 'bob'])`; all is closed after the tests.
 * A second attempt finds others in the same objects.
 */
export async function openPhones<const N extends Name>(
  names: readonly N[],
  { environment, settings, people }: Wishes<N> = {},
): Promise<Opened & Readonly<Record<N, Telephone>>> {
  const carillon = await Carillon.start(environment)
  let organisation: Organisation | undefined
  const phones: Partial<Record<Name, Telephone>> = {}
  let isOpen = false
  const open = async () => {
    const made = await Organisation.create(carillon, settings)
    organisation = Object.assign(organisation ?? made, made)
    for (const name of names) {
      const telephone = await organisation.telephone(numbers[name], people?.[name])
      phones[name] = Object.assign(phones[name] ?? telephone, telephone)
    }
    isOpen = true
    return { carillon, organisation, ...(phones as Record<N, Telephone>) }
  }
  const close = async () => {
    isOpen = false
    organisation?.close()
    await carillon.destroy()
  }
  beforeAll(async () => {
    if (isOpen) return
    await carillon.start()
    await open()
  })
  afterAll(close)
  return open().catch(async (error) => {
    await close() // no hook runs for a file that fails while it is read
    throw error
  })
}
