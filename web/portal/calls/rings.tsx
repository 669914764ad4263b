import { Trans } from '@lingui/react/macro'

/** While a phone is called for a command. */
export const Rings = () => (
  <p role="status">
    <span className="state is-waiting">
      <i aria-hidden="true" />
      <Trans>The phone rings: take it.</Trans>
    </span>
  </p>
)
