/** Pages of docs/ that are written from the tables: `npm run docs` writes them, a test compares them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { transports } from '../../contract/device.ts'
import { events } from '../../contract/events.ts'
import { asyncapi } from '../../contract/asyncapi.ts'
import { openapi } from '../../contract/openapi.ts'
import { words } from '../../contract/words.ts'
import { formatCommandLineDoc } from '../cli/commands.ts'
import { formatConfigurationDoc } from '../config.ts'

const written = (source: string) => `<!-- Written from ${source} by \`npm run docs\`. -->`

/** Text by path, relative to the package. */
export function generatedDocs(): Readonly<Record<string, string>> {
  return {
    'docs/api/asyncapi.json': formatJson(asyncapi('http://localhost:8080')),
    'docs/api/openapi-v6.json': formatJson(openapi('meeting', '3.0.3')),
    'docs/api/openapi-v3.json': formatJson(openapi('telephony', '3.1.0')),
    'docs/api/words.md': formatWords(),
    'docs/command-line.md': formatCommandLineDoc(),
    'docs/configuration.md': formatConfigurationDoc(),
    'docs/events.md': formatEvents(),
    'docs/sip-ports.md': formatSipPorts(),
  }
}

const formatJson = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`

export function formatWords(): string {
  const rows = words.map(
    ({ word, meeting, telephony, meaning }) => `| ${word} | ${meeting} | ${telephony} | ${meaning} |`,
  )
  return [
    '# Words',
    '',
    written('contract/words.ts'),
    '',
    'Two APIs, one system: what is called what, and where.',
    '',
    '| here | Web Meeting API v6 | Business Telephony API v3.0 | meaning |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

/** T13. */
function formatSipPorts(): string {
  const rows = transports.map((name) => {
    const [transport = '', port = ''] = name.split('_')
    return transport === 'wss'
      ? `| \`${name}\` | SIP over WebSocket (RFC 7118) with TLS, TCP ${port} | \`/v3.0/websockets/sip\` of the public URL, where that is https on port ${port} |`
      : `| \`${name}\` | SIP over ${transport.toUpperCase()}, port ${port} | \`CARILLON_SIP_EXTRA_PORTS=${name}\` |`
  })
  return [
    '# SIP ports',
    '',
    written('contract/device.ts'),
    '',
    'Phones reach this server at `CARILLON_SIP_PORT` by UDP and TCP and at the port after it by TLS. The other transports that',
    'a device may name are ports besides, for networks that let no others out; each is open when it is listed in',
    '`CARILLON_SIP_EXTRA_PORTS`. A phone is called back by the port that it came to.',
    '',
    '| `device.transport` | what it is | opened by |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

function formatEvents(): string {
  const sections = Object.entries(events).map(([type, { summary, resource, scope, data, example }]) => [
    `## ${type}`,
    '',
    `${summary} Resource \`${resource}\`; readable with the scopes \`events\` and \`${scope}\`.`,
    '',
    ...fieldsOf(data),
    '',
    '```json',
    JSON.stringify(example, null, 2),
    '```',
    '',
  ])
  return [
    '# Events',
    '',
    written('contract/events.ts'),
    '',
    'Every event that `GET /v3.0/events` can answer. The envelope (`id`, `seq`, `cursor`, `resource_seq`, `actor` …) is in',
    'the [API document](api/openapi-v3.json); here is what stands in `data`.',
    '',
    ...sections.flat(),
  ].join('\n')
}

function fieldsOf(data: z.ZodObject): string[] {
  return Object.entries(data.shape).map(([name, type]) => {
    const description = z.globalRegistry.get(type as z.ZodType)?.description
    return `- \`${name}\`${description ? `: ${description}` : ''}`
  })
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '../..')
  for (const [path, text] of Object.entries(generatedDocs())) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
    console.log(path)
  }
}
