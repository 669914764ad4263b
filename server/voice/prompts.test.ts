import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { parseWav } from '../../engine/rtp/wav.ts'
import { brought } from './prompts.ts'

const prompt = brought()

it.each(['en', 'fr', 'nl'])('T28: there is a prompt in %s that can be played', (language) => {
  const path = prompt('forward_press_1', language)
  expect(path).toContain(`/prompts/${language}/forward_press_1.wav`)
  const sound = parseWav(readFileSync(path ?? ''))
  if ('reason' in sound) throw new Error(sound.reason)
  expect(sound.length).toBeGreaterThan(16_000)
  expect(sound.length).toBeLessThan(64_000)
})

it('T28: a language of a country is that language; who speaks another hears English', () => {
  expect(prompt('forward_press_1', 'fr-BE')).toBe(prompt('forward_press_1', 'fr'))
  expect(prompt('forward_press_1', 'NL-be')).toBe(prompt('forward_press_1', 'nl'))
  expect(prompt('forward_press_1', 'fi')).toBe(prompt('forward_press_1', 'en'))
})

it('the music on hold is loud enough to be heard, and has no language', () => {
  const path = prompt('music_on_hold', 'fr')
  expect(path).toBe(prompt('music_on_hold', 'en'))
  const sound = parseWav(readFileSync(path ?? ''))
  if ('reason' in sound) throw new Error(sound.reason)
  const samples = new Int16Array(sound.length)
  sound.read(0, samples)
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length
  expect(Math.sqrt(power)).toBeGreaterThan(1_000)
  expect(samples.reduce((most, sample) => Math.max(most, sample), 0)).toBeLessThan(20_000)
})
