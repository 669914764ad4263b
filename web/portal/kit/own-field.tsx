/** The frame of a field that is more than one input: its name, its help and what is wrong with it. */
import { type ReactNode, useId } from 'react'

interface OwnFieldProps {
  readonly label: string
  readonly help: ReactNode
  readonly error: ReactNode
  readonly children: ReactNode
}

export function OwnField({ label, help, error, children }: OwnFieldProps) {
  const id = useId()
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset does not shrink with its column
    <div role="group" className="own-field" aria-labelledby={id} aria-describedby={`${id}-help`}>
      <div className="label" id={id}>
        {label}
      </div>
      {children}
      <div id={`${id}-help`}>
        {help && <p className="help">{help}</p>}
        {error && <p className="fault">{error}</p>}
      </div>
    </div>
  )
}
