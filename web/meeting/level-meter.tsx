/** How loud the microphone is: five bars that need no redraw by React. */
import { useEffect, useRef } from 'react'

const bars = 5

export function LevelMeter({ track, label }: { readonly track: MediaStreamTrack | null; readonly label: string }) {
  const meter = useRef<HTMLSpanElement>(null)
  useEffect(() => {
    if (!track || !meter.current) return
    return listen(track, meter.current)
  }, [track])
  return (
    <span ref={meter} className="level" role="img" aria-label={label}>
      {Array.from({ length: bars }, (_, index) => (
        <span key={index} />
      ))}
    </span>
  )
}

function listen(track: MediaStreamTrack, meter: HTMLElement): () => void {
  const context = new AudioContext()
  const analyser = context.createAnalyser()
  analyser.fftSize = 512
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  // Some browsers wait for a touch of the page before sound is worked on.
  const wake = () => void context.resume()
  document.addEventListener('pointerdown', wake)
  let frame = 0
  const draw = () => {
    analyser.getFloatTimeDomainData(samples)
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length
    const level = Math.min(1, Math.max(0, (10 * Math.log10(power + 1e-9) + 60) / 50))
    for (const [index, bar] of [...meter.children].entries()) bar.classList.toggle('lit', level * bars > index + 0.2)
    frame = requestAnimationFrame(draw)
  }
  draw()
  return () => {
    cancelAnimationFrame(frame)
    document.removeEventListener('pointerdown', wake)
    void context.close()
  }
}
