/** The documents of both APIs and of the streams, for anybody and any origin (S3), and the pages that show them, served from here. */
import type { FastifyInstance } from 'fastify'
import { asyncapi } from '../../contract/asyncapi.ts'
import { openapi } from '../../contract/openapi.ts'
import { words } from '../../contract/words.ts'
import type { App } from '../app.ts'

const documents = {
  meeting: { title: 'Web Meeting API v6', url: '/api/v6/documentation/swagger', version: '3.0.3' },
  telephony: { title: 'Business Telephony API v3.0', url: '/v3.0/documentation/openapi.json', version: '3.1.0' },
} as const

export function addDocuments(http: FastifyInstance, app: App): void {
  const { publicUrl } = app.config
  addDocument(http, documents.meeting.url, () => openapi('meeting', documents.meeting.version, publicUrl))
  addDocument(http, documents.telephony.url, () => openapi('telephony', documents.telephony.version, publicUrl))
  addDocument(http, '/v3.0/documentation/asyncapi.json', () => asyncapi(publicUrl))
  const configuration = {
    sources: Object.values(documents).map(({ title, url }) => ({ title, url })),
    withDefaultFonts: false,
    telemetry: false,
    hideClientButton: true,
  }
  const html = page(JSON.stringify(configuration))
  http.get('/docs/words', (_request, reply) => reply.type('text/html; charset=utf-8').send(wordsPage))
  for (const url of ['/docs', '/docs/']) {
    http.get(url, (_request, reply) =>
      // NOTE: Scalar compiles templates and writes its styles; it shows only our documents.
      reply
        .header(
          'content-security-policy',
          "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:",
        )
        .type('text/html; charset=utf-8')
        .send(html),
    )
  }
}

/** Made when it is first asked for: all of them are a quarter of the time in which a process that died is back. */
function addDocument(http: FastifyInstance, url: string, make: () => unknown): void {
  let text: string | undefined
  http.get(url, (_request, reply) => {
    text ??= JSON.stringify(make())
    return reply
      .header('access-control-allow-origin', '*')
      .header('cross-origin-resource-policy', 'cross-origin')
      .type('application/json; charset=utf-8')
      .send(text)
  })
}

/** The page of words, plain: no script, no style of its own. */
const wordsPage = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Words of the two APIs</title>
  </head>
  <body>
    <h1>Words</h1>
    <p>Two APIs, one system: what is called what, and where. <a href="/docs">API reference</a></p>
    <table border="1" cellpadding="6">
      <tr><th>here</th><th>Web Meeting API v6</th><th>Business Telephony API v3.0</th><th>meaning</th></tr>
      ${words.map((row) => `<tr>${[row.word, row.meeting, row.telephony, row.meaning].map(cell).join('')}</tr>`).join('\n      ')}
    </table>
  </body>
</html>
`

function cell(text: string): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<td>${escaped.replaceAll(/`([^`]+)`/g, '<code>$1</code>')}</td>`
}

const page = (configuration: string) => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Carillon API reference</title>
  </head>
  <body>
    <script id="api-reference" data-configuration='${configuration.replaceAll("'", '&#39;')}'></script>
    <script src="/assets/scalar.js"></script>
  </body>
</html>
`
