/** The pages' words: catalogues are what `npm run words` makes of the sources, and every language has every message. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
const lingui = join(root, 'node_modules/@lingui/cli/dist/lingui.js')

describe('catalogues of the pages', () => {
  it.each([
    ['are up to date: `npm run words` writes them', ['sync', '--clean']],
    ['miss nothing in any language', ['missing', '--mode', 'catalog']],
  ])('%s', (_name, check) => {
    const run = () =>
      execFileSync(process.execPath, [lingui, 'check', ...check, '--workers', '1', '--verbose'], {
        cwd: root,
        encoding: 'utf8',
        stdio: 'pipe',
      })
    expect(run()).toContain('PASS')
  })
})
