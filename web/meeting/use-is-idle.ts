import { useEffect, useState } from 'react'

const idleMs = 3_000

/** Nothing moved for a while: what is only in the way fades. */
export function useIsIdle(): boolean {
  const [isIdle, setIdle] = useState(false)
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>
    const stir = () => {
      setIdle(false)
      clearTimeout(timer)
      timer = setTimeout(() => setIdle(true), idleMs)
    }
    stir()
    const events = ['pointermove', 'pointerdown', 'keydown', 'focusin'] as const
    for (const event of events) document.addEventListener(event, stir)
    return () => {
      clearTimeout(timer)
      for (const event of events) document.removeEventListener(event, stir)
    }
  }, [])
  return isIdle
}
