/**
 * Bundles what other projects run as plain JavaScript: the client, which holds all that it needs, and the command line,
 * which imports the package's dependencies. Run by build.ts.
 */
import { join } from 'node:path'
import { build } from 'rolldown'

const root = join(import.meta.dirname, '..')
const [target = ''] = process.argv.slice(2)

await build({
  input: join(root, 'contract/client.ts'),
  output: { file: join(target, 'client.js') },
})
await build({
  input: { carillon: join(root, 'server/cli/main.ts') },
  platform: 'node',
  external: /^(?:node:|[a-z@])/,
  output: { dir: target },
})
