/**
 * Writes the API reference's script (Scalar) into web/dist: the package carries it as a string inside a Fastify plugin,
 * and ten megabytes of it need not live in the api process. Run by build-pages.ts.
 */
import scalar from '@scalar/fastify-api-reference'
import Fastify from 'fastify'
import { writeFileSync } from 'node:fs'

const [target = ''] = process.argv.slice(2)
const http = Fastify()
await http.register(scalar, { routePrefix: '/docs', configuration: { url: '/none' } })
const answer = await http.inject('/docs/js/scalar.js')
if (answer.statusCode !== 200) throw new Error('The API reference’s script is not where its package served it.')
writeFileSync(target, answer.rawPayload)
