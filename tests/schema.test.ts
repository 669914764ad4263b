import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { expect, it } from 'vitest'
import { migrate } from '../server/store/migrate.ts'
import { describeSchema, schemaFile } from '../server/store/schema.ts'
import { emptyDatabase, testDatabase } from './database.ts'

const files = readdirSync(join(import.meta.dirname, '../server/store/migrations')).sort()

async function withClient<T>(connection: pg.ClientConfig, run: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    return await run(client)
  } finally {
    await client.end()
  }
}

it('schema.sql is what the migrations add up to: `npm run schema` writes it', async () => {
  const { connection } = await testDatabase()
  expect(await withClient(connection, describeSchema)).toBe(readFileSync(schemaFile, 'utf8'))
})

it('migrations are numbered without gaps', () => {
  expect(files.map((file) => file.slice(0, 5))).toEqual(
    files.map((_, index) => `${String(index + 1).padStart(4, '0')}-`),
  )
})

it('processes that start at once migrate once', async () => {
  const connection = await emptyDatabase()
  const applied = await Promise.all(Array.from({ length: 4 }, () => migrate(connection)))
  expect(applied.flat().sort()).toEqual(files)
  expect(await migrate(connection)).toEqual([])
  expect(await withClient(connection, describeSchema)).toBe(readFileSync(schemaFile, 'utf8'))
})

it('a migration that was changed after it was applied is refused', async () => {
  const connection = await emptyDatabase()
  await migrate(connection)
  await withClient(connection, (client) =>
    client.query(`update migrations set checksum = 'other' where file = $1`, [files[1]]),
  )
  await expect(migrate(connection)).rejects.toThrow(`${files[1]} changed after it was applied`)
})
