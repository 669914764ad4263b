/** M22, M23: what a person switched off while the browser was still asking stays off. */
import { afterEach, expect, it, vi } from 'vitest'
import { Devices } from './devices.ts'

afterEach(() => vi.unstubAllGlobals())

/** A browser whose first question is answered by the test, and every later one with yes. */
function stubBrowser() {
  const asked: MediaStreamConstraints[] = []
  const first = Promise.withResolvers<MediaStream>()
  const getUserMedia = (constraints: MediaStreamConstraints) => {
    asked.push(constraints)
    return asked.length === 1 ? first.promise : Promise.resolve(streamOf(constraints))
  }
  const mediaDevices = Object.assign(new EventTarget(), { getUserMedia, enumerateDevices: async () => [] })
  vi.stubGlobal('navigator', { mediaDevices })
  vi.stubGlobal('document', new EventTarget())
  return { asked, refuse: () => first.reject(new DOMException('in use', 'NotReadableError')) }
}

function streamOf({ audio, video }: MediaStreamConstraints) {
  const kinds = [audio ? ['audio'] : [], video ? ['video'] : []].flat()
  const tracks = kinds.map((kind) =>
    Object.assign(new EventTarget(), { kind, readyState: 'live', enabled: true, stop: () => {} }),
  )
  return { getTracks: () => tracks } as unknown as MediaStream
}

it('the camera is in use and the microphone was switched off meanwhile: it is not opened', async () => {
  const { asked, refuse } = stubBrowser()
  const devices = new Devices(false, () => {})
  const starting = devices.start({ microphone: true, camera: true })
  devices.switchOff('microphone')
  refuse()
  await starting
  expect(asked.slice(1).map(({ audio }) => audio)).toEqual([undefined])
  expect(devices.state.microphone).toMatchObject({ isOn: false, track: null })
  expect(devices.state.camera.isOn).toBe(true)
})

it('the person has left before the browser said no: nothing is opened any more', async () => {
  const { asked, refuse } = stubBrowser()
  const devices = new Devices(false, () => {})
  const starting = devices.start({ microphone: true, camera: true })
  devices.stop()
  refuse()
  await starting
  expect(asked).toHaveLength(1)
  expect(devices.state.microphone.track).toBe(null)
})
