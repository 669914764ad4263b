import { Button } from '@mantine/core'
import type { ReactNode } from 'react'

interface ToggleProps {
  readonly isOn: boolean
  readonly onChange: (isOn: boolean) => void
  readonly children: ReactNode
}

/** A filter that is on or off. */
export function Toggle({ isOn, onChange, children }: ToggleProps) {
  return (
    <Button variant="default" aria-pressed={isOn} onClick={() => onChange(!isOn)}>
      {children}
    </Button>
  )
}
