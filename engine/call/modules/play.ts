/** `play`: answers the call and plays the media `data.id` once, then goes on by `_`. */
import { refusal } from '../outcome.ts'
import { textOf } from '../targets.ts'
import type { Module } from './module.ts'

export const play: Module = ({ data }, { directory }) => {
  const media = directory.medias.get(textOf(data.id))
  return media ? { type: 'play', path: media.path } : { type: 'next', outcome: refusal('unknown_number') }
}
