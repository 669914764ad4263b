import { useLingui } from '@lingui/react/macro'
import type { Notice } from './meeting-state.ts'
import { useDeviceWords } from './words.ts'

export function useNoticeWords(): (notice: Notice) => string {
  const { t } = useLingui()
  const deviceWords = useDeviceWords()
  return (notice) => {
    switch (notice.kind) {
      case 'joined':
        return t`${notice.name} joined`
      case 'left':
        return t`${notice.name} left`
      case 'removed':
        return t`${notice.name} was removed`
      case 'hand':
        return t`${notice.name} raised a hand`
      case 'muted':
        return t`${notice.name} muted your microphone`
      case 'sharing':
        return t`${notice.name} shares a screen`
      case 'sharing_ended':
        return t`${notice.name} stopped sharing`
      case 'chat':
        return notice.isPrivate ? t`${notice.name}, to you only: ${notice.text}` : t`${notice.name}: ${notice.text}`
      case 'device':
        return deviceWords(notice.device, notice.problem)
      case 'share_failed':
        return t`The screen could not be shared. Try again, or choose another window.`
      case 'not_sent':
        return t`That did not get through. Try again.`
    }
  }
}
