/**
 * Many rows as one parameter of a statement, in the form in which PostgreSQL keeps values itself: an array of a composite
 * type (`array_recv` and `record_recv` of its source). JSON has to be read twice there, to the last letter of texts that
 * are stored as they came, and takes a third of the time of a statement that writes them.
 *
 * The composite types are the session's own: made in it from the columns that this process knows, and gone with it.
 *
 * Invariant: what `toArray` gave is good until the next `begin`. Its memory may be transferred to another thread meanwhile;
 * `giveBack` takes it for what comes next.
 */
import type { ClientBase } from 'pg'

/** A text that is JSON already, and is not looked into, is `json text`: its column has the type text. */
export type ColumnType = 'text' | 'json text' | 'bigint' | 'integer' | 'boolean' | 'timestamptz' | 'uuid' | 'jsonb'
export type Columns = Readonly<Record<string, ColumnType>>

/** By the type of the column: src/include/catalog/pg_type.dat. */
const oids: Readonly<Record<ColumnType, number>> = {
  text: 25,
  'json text': 25,
  bigint: 20,
  integer: 23,
  boolean: 16,
  timestamptz: 1184,
  uuid: 2950,
  jsonb: 3802,
}
/** Milliseconds from 1970 to the year 2000, where PostgreSQL's time begins. */
const epochMs = 946_684_800_000
const jsonbVersion = 1
const uuidForm = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i
const dash = 0x2d
const nine = 0x39
const firstBytes = 65_536
/** One large batch must not be kept for ever. */
const mostKept = 4 * 1024 * 1024

interface RowType {
  readonly oid: number
  readonly columns: readonly (readonly [name: string, type: ColumnType])[]
}

/** Which type is which in the session. */
export type RowTypeOids<Name extends string> = Readonly<Record<Name, number>>

/** To be called once in a session: makes a composite type for each of the tables, `pg_temp.<name>`. */
export async function makeRowTypes<Name extends string>(
  client: ClientBase,
  tables: Readonly<Record<Name, Columns>>,
): Promise<RowTypeOids<Name>> {
  const oids: Partial<Record<Name, number>> = {}
  for (const name of Object.keys(tables) as Name[]) {
    const columns = Object.entries<ColumnType>(tables[name])
    const attributes = columns.map(([column, type]) => `${column} ${type === 'json text' ? 'text' : type}`)
    await client.query(`create type pg_temp.${name} as (${attributes.join(', ')})`)
    const { rows } = await client.query<{ oid: number }>(`select 'pg_temp.${name}'::regtype::oid as oid`)
    oids[name] = Number(rows[0]?.oid)
  }
  return oids as RowTypeOids<Name>
}

export class RowArrays<Name extends string> {
  readonly #types: Readonly<Record<Name, RowType>>
  #buffer: Buffer<ArrayBuffer> = Buffer.allocUnsafeSlow(firstBytes)
  #length = 0

  /** The composite types are those that `makeRowTypes` made of the same tables. */
  constructor(tables: Readonly<Record<Name, Columns>>, types: RowTypeOids<Name>) {
    const names = Object.keys(tables) as Name[]
    const all = names.map((name) => [name, { oid: types[name], columns: Object.entries(tables[name]) }])
    this.#types = Object.fromEntries(all)
  }

  /** What was given before is given up. */
  begin(): void {
    this.#length = 0
    const { length } = this.#buffer // 0 where its memory was transferred
    if (length === 0 || length > mostKept) this.#buffer = Buffer.allocUnsafeSlow(firstBytes)
  }

  giveBack(memory: ArrayBuffer): void {
    if (memory.byteLength > this.#buffer.length) this.#buffer = Buffer.from(memory)
  }

  /** For a parameter of type `pg_temp.<name>[]`. A column that a row does not have is null. */
  toArray(name: Name, rows: readonly object[]): Buffer<ArrayBuffer> {
    const { oid, columns } = this.#types[name]
    const start = this.#length
    this.#int32(rows.length === 0 ? 0 : 1) // dimensions
    this.#int32(0) // no element is null
    this.#int32(oid | 0) // its 32 bits have no sign
    if (rows.length > 0) {
      this.#int32(rows.length)
      this.#int32(1) // the first one's index
    }
    for (const row of rows) this.#row(columns, row as Readonly<Record<string, unknown>>)
    return this.#buffer.subarray(start, this.#length)
  }

  #row(columns: RowType['columns'], row: Readonly<Record<string, unknown>>): void {
    const lengthAt = this.#skipLength()
    this.#int32(columns.length)
    for (const [name, type] of columns) {
      this.#int32(oids[type])
      const value = row[name]
      if (value === null || value === undefined) this.#int32(-1)
      else this.#value(type, value)
    }
    this.#putLength(lengthAt)
  }

  #value(type: ColumnType, value: unknown): void {
    switch (type) {
      case 'text':
        return this.#text(withoutNul(String(value)))
      case 'json text':
        return this.#text(withoutEscapedNul(String(value)))
      case 'bigint':
        this.#int32(8)
        return this.#int64(wholeNumber(value))
      case 'integer':
        this.#int32(4)
        return this.#int32(wholeNumber(value))
      case 'boolean':
        this.#int32(1)
        return this.#byte(value === true ? 1 : 0)
      case 'timestamptz':
        this.#int32(8)
        return this.#int64(wholeNumber((toMs(value) - epochMs) * 1_000))
      case 'uuid':
        this.#int32(16)
        return this.#uuid(String(value))
      case 'jsonb':
        return this.#jsonb(value)
    }
  }

  #text(text: string): void {
    // Three bytes are the most that UTF-8 takes for one of UTF-16.
    this.#reserve(4 + 3 * text.length)
    const length = this.#buffer.write(text, this.#length + 4)
    this.#buffer.writeInt32BE(length, this.#length)
    this.#length += 4 + length
  }

  #jsonb(value: unknown): void {
    const lengthAt = this.#skipLength()
    this.#byte(jsonbVersion)
    const text = withoutEscapedNul(JSON.stringify(value))
    this.#reserve(3 * text.length)
    this.#length += this.#buffer.write(text, this.#length)
    this.#putLength(lengthAt)
  }

  #uuid(uuid: string): void {
    if (!uuidForm.test(uuid)) throw new Error(`This is no UUID: ${uuid}`)
    this.#reserve(16)
    let high = -1
    for (let at = 0; at < uuid.length; at++) {
      const code = uuid.charCodeAt(at)
      if (code === dash) continue
      // Letters are six after the digits when their higher bits are cut off.
      const nibble = (code & 15) + (code > nine ? 9 : 0)
      if (high === -1) high = nibble
      else {
        this.#buffer[this.#length++] = (high << 4) | nibble
        high = -1
      }
    }
  }

  #byte(value: number): void {
    this.#reserve(1)
    this.#buffer[this.#length++] = value
  }

  #int32(value: number): void {
    this.#reserve(4)
    this.#length = this.#buffer.writeInt32BE(value, this.#length)
  }

  /** A safe integer: as microseconds since 2000, until the year 2285. */
  #int64(value: number): void {
    this.#int32(Math.floor(value / 2 ** 32))
    this.#reserve(4)
    this.#length = this.#buffer.writeUInt32BE(((value % 2 ** 32) + 2 ** 32) % 2 ** 32, this.#length)
  }

  #skipLength(): number {
    this.#reserve(4)
    this.#length += 4
    return this.#length - 4
  }

  #putLength(at: number): void {
    this.#buffer.writeInt32BE(this.#length - at - 4, at)
  }

  /** What was given before stays where it was. */
  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(2 * (this.#length + bytes))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }
}

/** What is none would be written as another number. */
function wholeNumber(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new Error(`This is no whole number: ${value}`)
  return value as number
}

function toMs(value: unknown): number {
  return value instanceof Date ? value.getTime() : Date.parse(String(value))
}

/** PostgreSQL's text holds no NUL, and names and numbers of SIP may (`%00`, a quoted pair): it must not stop a writer. */
const withoutNul = (text: string): string => (text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text)

export const withoutEscapedNul = (json: string): string =>
  json.includes('\\u0000') ? json.replace(/(?<!\\)((?:\\\\)*)\\u0000/g, '$1\\ufffd') : json
