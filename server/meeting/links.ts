/** The addresses of a meeting. The host's differs by a mark that only this installation can make. */
import type { App } from '../app.ts'
import { dashed, undashed } from '../ids.ts'
import type { MeetingLinks } from '../store/meetings.ts'

const purpose = 'meeting host link'

export function meetingLinks(app: Pick<App, 'config' | 'signer' | 'whitelabelId'>): MeetingLinks {
  const joinUrl = (number: string) => `${app.config.publicUrl}/meet/${dashed(number)}`
  return {
    whitelabelId: app.whitelabelId,
    joinUrl,
    // In the fragment: it reaches no server, no log and no Referer.
    hostUrl: (number) => `${joinUrl(number)}#host=${app.signer.mark(purpose, undashed(number))}`,
  }
}

export const isHostToken = (app: Pick<App, 'signer'>, number: string, token: string): boolean =>
  app.signer.isMark(purpose, undashed(number), token)
