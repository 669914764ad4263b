/** Every operation of the table, carried out. Forget one and this does not compile. */
import { accountHandlers } from './account.ts'
import { authenticationHandlers } from './authentication.ts'
import { calendarHandlers } from './calendar.ts'
import type { Handlers } from './call.ts'
import { callControlHandlers } from './call-control.ts'
import { callMeetingHandlers } from './call-meeting.ts'
import { callStepHandlers } from './call-steps.ts'
import { historyHandlers } from './call-history.ts'
import { callflowHandlers } from './callflow.ts'
import { contactHandlers } from './contact.ts'
import { deviceHandlers } from './device.ts'
import { eventHandlers } from './event.ts'
import { keyHandlers } from './key.ts'
import { mediaHandlers } from './media.ts'
import { meetingHandlers } from './meeting.ts'
import { phoneNumberHandlers } from './phone-number.ts'
import { recordingHandlers } from './recording.ts'
import { snapshotHandlers } from './snapshot.ts'
import { sandboxHandlers } from './sandbox.ts'
import { telephonyAccountHandlers } from './telephony-account.ts'
import { telephonyUserHandlers } from './telephony-user.ts'
import { trunkHandlers } from './trunk.ts'
import { userHandlers } from './user.ts'
import { webhookHandlers } from './webhook.ts'
import { webhookDeliveryHandlers } from './webhook-delivery.ts'

export const handlers: Handlers = {
  ...accountHandlers,
  ...userHandlers,
  ...keyHandlers,
  ...meetingHandlers,
  ...calendarHandlers,
  ...authenticationHandlers,
  ...eventHandlers,
  ...snapshotHandlers,
  ...telephonyAccountHandlers,
  ...telephonyUserHandlers,
  ...deviceHandlers,
  ...phoneNumberHandlers,
  ...trunkHandlers,
  ...callflowHandlers,
  ...contactHandlers,
  ...mediaHandlers,
  ...historyHandlers,
  ...webhookHandlers,
  ...webhookDeliveryHandlers,
  ...sandboxHandlers,
  ...callControlHandlers,
  ...callStepHandlers,
  ...callMeetingHandlers,
  ...recordingHandlers,
}
