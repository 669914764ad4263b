/** The pages, built by Vite into web/dist: `/`, `/link/{token}` and `/meet/{meetingId}`. Assets carry their hash. */
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const dist = join(import.meta.dirname, '../../web/dist')
const year = 365 * 24 * 3_600_000

export async function addPages(http: FastifyInstance): Promise<void> {
  const files = [join(dist, 'portal/index.html'), join(dist, 'meeting/index.html')]
  if (!files.every((file) => existsSync(file))) return // `npm start` builds them; a test of the API alone needs none
  await http.register(fastifyStatic, {
    root: join(dist, 'assets'),
    prefix: '/assets/',
    immutable: true,
    maxAge: year,
    decorateReply: false,
    preCompressed: true,
  })
  const [portal = '', meeting = ''] = files.map((file) => readFileSync(file, 'utf8'))
  const pages = { '/': portal, '/link/:token': portal, '/meet/:meetingId': meeting }
  for (const [url, html] of Object.entries(pages)) {
    http.get(url, (_request, reply) =>
      // A page names assets by their hash, so it must not outlive them in a cache.
      reply.header('cache-control', 'no-cache').type('text/html; charset=utf-8').send(html),
    )
  }
}
