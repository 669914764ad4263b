/** Sentences for what can go wrong with devices and with joining, in the reader's language. */
import { useLingui } from '@lingui/react/macro'
import type { DeviceKind, DeviceProblem } from './devices.ts'
import type { Refusal } from './meeting-state.ts'

export function useDeviceWords(): (kind: DeviceKind, problem: DeviceProblem) => string {
  const { t } = useLingui()
  return (kind, problem) => {
    const isCamera = kind === 'camera'
    switch (problem) {
      case 'denied':
        return isCamera
          ? t`The browser does not let this page use the camera. Allow it at the left of the address bar.`
          : t`The browser does not let this page use the microphone. Allow it at the left of the address bar.`
      case 'missing':
        return isCamera ? t`No camera was found.` : t`No microphone was found.`
      case 'unplugged':
        return isCamera ? t`The camera was unplugged.` : t`The microphone was unplugged.`
      case 'in_use':
        return isCamera
          ? t`Another program uses the camera. Close that program and try again.`
          : t`Another program uses the microphone. Close that program and try again.`
      case 'overconstrained':
        return isCamera
          ? t`This camera cannot do what is needed. Choose another one.`
          : t`This microphone cannot do what is needed. Choose another one.`
      case 'insecure':
        return t`Camera and microphone need https. Whoever runs this server sets CARILLON_TLS_CERT and CARILLON_TLS_KEY, or CARILLON_TLS=self-signed.`
      case 'failed':
        return isCamera
          ? t`The camera could not be started. Try again.`
          : t`The microphone could not be started. Try again.`
    }
  }
}

export function useRefusalWords(): (refusal: Refusal) => string | null {
  const { t } = useLingui()
  return (refusal) => {
    switch (refusal) {
      case 'full':
        return t`The meeting is full. Try again when somebody has left.`
      case 'too_many':
        return t`Too many pages of this network ask at once. Wait a minute, it goes on by itself.`
      case 'media_unavailable':
      case 'internal':
        return t`The server has a problem. Try again in a moment.`
      case 'bad_params':
        return t`The server does not take this name. Change it and try again.`
      case 'too_early':
      case 'closed':
      case 'not_found':
      case 'offline':
        return null // each has a place of its own on the page
      default:
        return t`Something went wrong. Load the page again.`
    }
  }
}
