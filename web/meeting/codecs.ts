/** Which codecs a page offers and in which order: RED around Opus, VP8 first, H264 of one profile last (M16). */

type Codec = RTCRtpCodec

export function preferAudio(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpSender.getCapabilities('audio')?.codecs ?? []
  const isNamed = (name: string) => (codec: Codec) => codec.mimeType.toLowerCase() === name
  prefer(transceiver, [...codecs.filter(isNamed('audio/red')), ...codecs.filter(isNamed('audio/opus'))])
}

export function preferVideo(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpSender.getCapabilities('video')?.codecs ?? []
  const isNamed = (name: string) => (codec: Codec) => codec.mimeType.toLowerCase() === name
  const h264 = codecs.filter(isNamed('video/h264')).filter(({ sdpFmtpLine = '' }) => {
    return /profile-level-id=42e01f/i.test(sdpFmtpLine) && /packetization-mode=1/.test(sdpFmtpLine)
  })
  prefer(transceiver, [...codecs.filter(isNamed('video/vp8')), ...h264, ...codecs.filter(isNamed('video/rtx'))])
}

function prefer(transceiver: RTCRtpTransceiver, codecs: Codec[]): void {
  // A browser without the call, or with none of ours, keeps its own order: the server takes what fits.
  if (codecs.length > 0 && 'setCodecPreferences' in transceiver) transceiver.setCodecPreferences(codecs)
}
