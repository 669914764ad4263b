/** The two API documents, for anybody and any origin (S3), and the pages that show them, served from here. */
import scalar from '@scalar/fastify-api-reference'
import type { FastifyInstance } from 'fastify'
import { openapi } from '../../contract/openapi.ts'
import type { App } from '../app.ts'

const documents = {
  meeting: { title: 'Web Meeting API v6', url: '/api/v6/documentation/swagger', version: '3.0.3' },
  telephony: { title: 'Business Telephony API v3.0', url: '/v3.0/documentation/openapi.json', version: '3.1.0' },
} as const

export async function addDocuments(http: FastifyInstance, app: App): Promise<void> {
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
  await http.register(async (docs) => {
    // NOTE: Scalar's page starts itself with an inline script; it is served from here and shows only our documents.
    docs.addHook('onSend', async (_request, reply) => {
      const policy =
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'"
      reply.header('content-security-policy', policy)
    })
    await docs.register(scalar, {
      routePrefix: '/docs',
      configuration: {
        sources: Object.values(documents).map(({ title, url }) => ({ title, url })),
        withDefaultFonts: false,
        telemetry: false,
        hideClientButton: true,
      },
    })
  })
}
