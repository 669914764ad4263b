/** The process of the simulated outside world: a child of the voice process, which lives as long as that does. */
import process from 'node:process'
import { OutsideWorld } from './outside-world.ts'
import type { FromOutside, ToOutside } from './protocol.ts'

const [address = '127.0.0.1', voicePort = '0', port = '0'] = process.argv.slice(2)
const world = await OutsideWorld.start({ address, voicePort: Number(voicePort), port: Number(port) })

process.on('disconnect', () => process.exit(0))
process.on('message', ({ call }: ToOutside) => void world.call(call))
const ready: FromOutside = { type: 'ready', port: world.port }
process.send?.(ready)
