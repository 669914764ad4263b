/**
 * The pages, built by Vite into web/dist: the portal at `/` and below what its navigation names, `/link/{token}` and
 * `/meet/{meetingId}`. Assets carry their hash.
 */
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const dist = join(import.meta.dirname, '../../web/dist')
const year = 365 * 24 * 3_600_000

/** The portal's own router shows what is at each, and below it. */
const portalPlaces = ['calls', 'people', 'phones', 'meetings', 'history', 'developers', 'settings']
const portalAddresses = ['/', '/link/:token', '/sign-in', ...portalPlaces.flatMap((name) => [`/${name}`, `/${name}/*`])]

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
  const pages = [...portalAddresses.map((url) => [url, portal]), ['/meet/:meetingId', meeting]] as const
  for (const [url = '/', html] of pages) {
    http.get(url, (_request, reply) =>
      // A page names assets by their hash, so it must not outlive them in a cache.
      reply.header('cache-control', 'no-cache').type('text/html; charset=utf-8').send(html),
    )
  }
}
