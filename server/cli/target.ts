/** Where the command line finds Carillon, and as whom it speaks. */
import { existsSync } from 'node:fs'
import type { ClientOptions } from '../../contract/client.ts'
import { readConfig, readTargetVariables } from '../config.ts'
import { credentialsFile, readCredentials } from '../credentials-file.ts'
import { UsageError } from './command.ts'

/** The key of this folder's installation is for that one alone: another address needs a key of its own. */
export function readTarget(environment: Record<string, string | undefined>): ClientOptions {
  const { url, apiKey } = readTargetVariables(environment)
  if (url !== undefined && apiKey !== undefined) return { url, apiKey }
  if (url !== undefined) throw new UsageError(`CARILLON_API_KEY: set it to a key of ${url}.`)
  const config = readConfig(environment)
  if (apiKey !== undefined) return { url: config.publicUrl, apiKey }
  const file = credentialsFile(config)
  if (config.instanceApiKey === undefined && !existsSync(file)) {
    throw new UsageError(`There is no ${file}: run \`npm start\` first, or set CARILLON_URL and CARILLON_API_KEY.`)
  }
  return { url: config.publicUrl, apiKey: config.instanceApiKey ?? readCredentials(config).instanceApiKey }
}
