/** Rows in PostgreSQL's binary form, read back by a real one. */
import { afterAll, describe, expect, it } from 'vitest'
import { type Columns, makeRowTypes, RowArrays } from '../server/store/row-arrays.ts'
import { makeSession } from '../server/store/session.ts'
import { testDatabase } from './database.ts'

const things = {
  name: 'text',
  document: 'json text',
  large: 'bigint',
  small: 'integer',
  is_so: 'boolean',
  at: 'timestamptz',
  id: 'uuid',
  more: 'jsonb',
} as const satisfies Columns

const { connection } = await testDatabase()
const client = makeSession(connection)
await client.connect()
const tables = { thing: things, other: { one: 'text' } } as const
const arrays = new RowArrays(tables, await makeRowTypes(client, tables))
afterAll(() => client.end())

async function readBack(rows: readonly object[]): Promise<unknown[]> {
  arrays.begin()
  const found = await client.query(
    `select to_jsonb(r) as row from unnest($1::pg_temp.thing[]) with ordinality as r(${Object.keys(things).join(', ')}, place)
     order by place`,
    [arrays.toArray('thing', rows)],
  )
  return found.rows.map(({ row: { place: _, ...row } }) => row)
}

const nothing = Object.fromEntries(Object.keys(things).map((name) => [name, null]))
const row = {
  name: 'Zoë 𝄞 "quoted" \\ {a,b}',
  document: '{"a": 1,\n"b":"\\\\u0000"}',
  large: 9_007_199_254_740_991,
  small: -2_147_483_648,
  is_so: true,
  at: '2026-01-05T09:00:00.123Z',
  id: '01890a5d-ac96-774b-bcce-b302099a8057',
  more: { list: [1, null, 'é'] },
}

describe('an array of rows', () => {
  it('has each type of column as it was given', async () => {
    const at = '2026-01-05T09:00:00.123+00:00'
    expect(await readBack([row])).toEqual([{ ...row, at }])
    const date = new Date('1969-12-31T23:59:59.999Z')
    const before = { ...nothing, large: -1, small: 0, is_so: false, at: date }
    expect(await readBack([before])).toEqual([{ ...before, at: '1969-12-31T23:59:59.999+00:00' }])
    const far = { ...nothing, large: -9_007_199_254_740_991, at: '2285-01-01T00:00:00.001Z' }
    expect(await readBack([far])).toEqual([{ ...far, at: '2285-01-01T00:00:00.001+00:00' }])
  })

  it('is empty, and has null where a row has nothing', async () => {
    expect(await readBack([])).toEqual([])
    expect(await readBack([{}, { name: null, more: undefined }, { name: '' }])).toEqual([
      nothing,
      nothing,
      { ...nothing, name: '' },
    ])
  })

  it('has no NUL, which no text of PostgreSQL holds', async () => {
    const bad = { ...nothing, name: 'a\0b', document: '"a\\u0000b\\\\u0000"', more: ['\0'] }
    expect(await readBack([bad])).toEqual([
      { ...bad, name: 'a\ufffdb', document: '"a\\ufffdb\\\\u0000"', more: ['\ufffd'] },
    ])
    expect(await readBack([{ ...nothing, name: '\ud800' }])).toEqual([{ ...nothing, name: '\ufffd' }])
  })

  it('keeps what was given before while it grows', async () => {
    arrays.begin()
    const texts = ['x', 'y'.repeat(200_000), 'é'.repeat(3_000_000), 'z']
    const values = texts.map((one) => arrays.toArray('other', [{ one }]))
    const found = await client.query(
      'select (select array_agg(r.one) from unnest($1::pg_temp.other[] || $2 || $3 || $4) r) as texts',
      values,
    )
    expect(found.rows[0].texts).toEqual(texts)
  })

  it('goes on when its memory is with another thread, and in it when that comes back', async () => {
    arrays.begin()
    const memory = arrays.toArray('other', [{ one: 'y'.repeat(100_000) }]).buffer
    const there = structuredClone(memory, { transfer: [memory] })
    expect(memory.byteLength).toBe(0)
    arrays.begin()
    expect(arrays.toArray('other', [{ one: 'x' }]).buffer).not.toBe(there)
    arrays.giveBack(there)
    arrays.begin()
    expect(arrays.toArray('other', [{ one: 'z' }]).buffer).toBe(there)
    expect(await readBack([{ name: 'a' }])).toMatchObject([{ name: 'a' }])
  })

  it('names a type by all 32 bits of its OID', async () => {
    const query = async (text: string) => ({ rows: text.startsWith('select') ? [{ oid: 3_000_000_000 }] : [] })
    const one = { other: { one: 'text' } } as const
    const late = new RowArrays(one, await makeRowTypes({ query } as never, one))
    late.begin()
    expect(late.toArray('other', []).readUInt32BE(8)).toBe(3_000_000_000)
  })

  it.each([
    [{ at: 'yesterday' }, 'no whole number'],
    [{ large: 'many' }, 'no whole number'],
    [{ small: 1.5 }, 'no whole number'],
    [{ id: '01890a5d' }, 'no UUID'],
  ])('writes nothing else in place of %j', (wrong, why) => {
    arrays.begin()
    expect(() => arrays.toArray('thing', [wrong])).toThrow(why)
  })
})
