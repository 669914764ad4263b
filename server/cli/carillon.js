#!/usr/bin/env node
/**
 * `npx carillon`: runs the command line with the Node that comes with the package. In JavaScript, because whoever starts it
 * may be an older Node that reads no TypeScript, as none does below node_modules: there it is what server/build.ts made.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, sep } from 'node:path'
import process from 'node:process'

const root = join(import.meta.dirname, '../..')
const own = join(root, 'node_modules/.bin/node')
const node = existsSync(own) ? own : process.execPath
const isInstalled = root.split(sep).includes('node_modules')
const program = join(root, isInstalled ? 'dist/programs/carillon.js' : 'server/cli/main.ts')
const child = spawn(node, [program, ...process.argv.slice(2)], { stdio: 'inherit' })
// The terminal sends its signals to both; others are passed on.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child.kill('SIGTERM'))
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)))
