/**
 * Writes the API reference's script (Scalar) into web/dist: the package carries it as a string inside a Fastify plugin,
 * and ten megabytes of it need not live in the api process. Run by build.ts.
 */
import scalar from '@scalar/fastify-api-reference'
import Fastify from 'fastify'
import { writeFileSync } from 'node:fs'

/**
 * Shown in the portal, it is as light or dark as that, and calls are tried with the key that was made there, which lives as
 * long as the tab.
 */
const handOver = `{
  const value = sessionStorage.getItem('carillon.try-it')
  const theme = new URLSearchParams(location.search).get('theme')
  const at = document.getElementById('api-reference')
  if (at) {
    const authentication = { preferredSecurityScheme: 'key', securitySchemes: { key: { value } } }
    at.dataset.configuration = JSON.stringify({
      ...JSON.parse(at.dataset.configuration),
      ...(value && { authentication }),
      ...((theme === 'dark' || theme === 'light') && { forceDarkModeState: theme, hideDarkModeToggle: true }),
    })
  }
}`

const [target = ''] = process.argv.slice(2)
const http = Fastify()
await http.register(scalar, { routePrefix: '/docs', configuration: { url: '/none' } })
const answer = await http.inject('/docs/js/scalar.js')
if (answer.statusCode !== 200) throw new Error('The API reference’s script is not where its package served it.')
writeFileSync(target, Buffer.concat([Buffer.from(`${handOver}\n`), answer.rawPayload]))
