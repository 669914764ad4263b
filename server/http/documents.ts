/** The two API documents, for anybody and any origin (S3), and the pages that show them, served from here. */
import type { FastifyInstance } from 'fastify'
import { openapi } from '../../contract/openapi.ts'
import type { App } from '../app.ts'

const documents = {
  meeting: { title: 'Web Meeting API v6', url: '/api/v6/documentation/swagger', version: '3.0.3' },
  telephony: { title: 'Business Telephony API v3.0', url: '/v3.0/documentation/openapi.json', version: '3.1.0' },
} as const

export function addDocuments(http: FastifyInstance, app: App): void {
  for (const [surface, { url, version }] of Object.entries(documents)) {
    const text = JSON.stringify(openapi(surface === 'meeting' ? 'meeting' : 'telephony', version, app.config.publicUrl))
    http.get(url, (_request, reply) =>
      reply
        .header('access-control-allow-origin', '*')
        .header('cross-origin-resource-policy', 'cross-origin')
        .type('application/json; charset=utf-8')
        .send(text),
    )
  }
  const configuration = {
    sources: Object.values(documents).map(({ title, url }) => ({ title, url })),
    withDefaultFonts: false,
    telemetry: false,
    hideClientButton: true,
  }
  const html = page(JSON.stringify(configuration))
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
