/**
 * The sounds that Carillon brings along (made by dev/make-sounds.ts): what people are told, by language, and the music on
 * hold, which has none.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { CallHost } from '../../engine/call/host.ts'

const folder = join(import.meta.dirname, 'prompts')
/** Of whoever speaks none that we do. */
const defaultLanguage = 'en'

/** The file for a prompt and a language tag; null: there is none. */
export function brought(): CallHost['prompt'] {
  const files = new Set(
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.wav')),
  )
  return (name, language) => {
    const [primary = ''] = language.toLowerCase().split('-')
    const file = [`${primary}/${name}.wav`, `${defaultLanguage}/${name}.wav`, `${name}.wav`].find((one) =>
      files.has(one),
    )
    return file === undefined ? null : join(folder, file)
  }
}
