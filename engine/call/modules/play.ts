/** `play`: the media `data.id`, then `_`. The call is answered first unless `data.answer` is false. */
import { refusal } from '../outcome.ts'
import { textOf } from '../targets.ts'
import type { Module } from './module.ts'

export const play: Module = ({ data }, { directory }) => {
  const media = directory.medias.get(textOf(data.id))
  return media
    ? { type: 'play', path: media.path, answers: data.answer !== false }
    : { type: 'next', outcome: refusal('unknown_number') }
}
