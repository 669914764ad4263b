/** M1: what this page offers, over a socket that breaks. */
import { afterEach, expect, it, vi } from 'vitest'
import { PublishConnection } from './publish-connection.ts'

afterEach(() => vi.unstubAllGlobals())

/** As much of a browser's connection as offers, which name the lines that they have. */
class FakePeerConnection extends EventTarget {
  readonly lines: { mid: string | null; sender: object; setCodecPreferences: () => void }[] = []
  localDescription: { sdp: string } | null = null

  addTransceiver() {
    const line = { mid: null, sender: { replaceTrack: async () => {} }, setCodecPreferences: () => {} }
    this.lines.push(line)
    return line
  }

  async setLocalDescription() {
    for (const [index, line] of this.lines.entries()) line.mid = String(index)
    this.localDescription = { sdp: this.lines.map(({ mid }) => mid).join(' ') }
  }

  async setRemoteDescription() {}
  close() {}
}

function connect(publish: (sdp: string) => Promise<string>) {
  vi.stubGlobal('RTCPeerConnection', FakePeerConnection)
  vi.stubGlobal('RTCRtpSender', { getCapabilities: () => null })
  vi.stubGlobal('RTCRtpReceiver', { getCapabilities: () => null })
  const host = { publish, candidatesToFilter: () => [], connected: () => {}, broken: () => {} }
  return new PublishConnection(host, false)
}
const track = {} as MediaStreamTrack

it('the socket broke while lines for a screen were offered: the next share offers them', async () => {
  const offered: string[] = []
  const connection = connect(async (sdp) => {
    offered.push(sdp)
    if (offered.length === 2) throw new Error('offline')
    return 'answer'
  })
  await connection.negotiate()
  await expect(connection.prepareScreen()).rejects.toThrow('offline')
  await connection.setScreen(track, null)
  expect(offered).toEqual(['0 1', '0 1 2 3', '0 1 2 3'])
  await connection.setScreen(null, null)
  await connection.setScreen(track, null)
  expect(offered).toHaveLength(3)
})

it('a share that begins while its lines are offered hears when they are refused', async () => {
  let refuse = () => {}
  const connection = connect((sdp) => {
    if (sdp === '0 1') return Promise.resolve('answer')
    return new Promise((_, reject) => {
      refuse = () => reject(new Error('offline'))
    })
  })
  await connection.negotiate()
  const preparing = connection.prepareScreen()
  const sharing = connection.setScreen(track, null)
  await Promise.resolve()
  refuse()
  await expect(preparing).rejects.toThrow('offline')
  await expect(sharing).rejects.toThrow('offline')
})
