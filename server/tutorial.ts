/** The published tutorial's four calls with this installation's address and key, ready to copy (A11). */
import { readConfig, type Config } from './config.ts'
import { credentialsFile, readCredentials, type StoredCredentials } from './credentials-file.ts'
import { existsSync } from 'node:fs'

const json = `-H 'content-type: application/json'`

export function formatTutorial(config: Config, credentials: StoredCredentials, file: string): string {
  const url = config.publicUrl
  const curl = url.startsWith('https:') && config.tls === 'self-signed' ? 'curl -ks' : 'curl -s'
  const now = new Date()
  const end = new Date(now.getTime() + 3_600_000)
  const key = `-H 'X-API-KEY: ${credentials.instanceApiKey}'`
  return `
Carillon is at ${url}   API reference: ${url}/docs
Sign-in: ${credentials.adminEmail} / ${credentials.adminPassword}
Instance key: ${credentials.instanceApiKey}
These are shown once and kept in ${file}.

Your first meeting, from any shell on this machine:

# 1. an account and its first organizer
${curl} '${url}/api/v6/account' -X POST ${key} ${json} \\
  --data-binary '{"sendPassword":true,"accountType":"trial","adminFirstname":"Test","adminLastname":"User","adminEmail":"test-user@example.com","adminPreferredLanguage":"en","paidUntil":"${end.toISOString()}"}'

# 2. its administrator: put the "id" of the answer of 1 for <ACCOUNT ID>
${curl} '${url}/api/v6/account/admin/<ACCOUNT ID>' ${key} ${json}

# 3. a meeting, now: put the "id" of the answer of 2 for <USER ID>
${curl} '${url}/api/v6/meeting' -X POST -H 'X-USER-ID: <USER ID>' ${key} ${json} \\
  --data-binary '{"topic":"My Meeting Topic","startTime":"${now.toISOString()}","endTime":"${end.toISOString()}","duration":60,"type":"standard","isRecurring":false,"isRecorded":false,"isDialin":false,"invitedParticipants":[],"recurring":{},"meetingPermissionId":null}'

# 4. another topic: put the "id" of the answer of 3 for <MEETING ID>
${curl} '${url}/api/v6/meeting/<MEETING ID>/false' -X PUT -H 'X-USER-ID: <USER ID>' ${key} ${json} \\
  --data-binary '{"topic":"My Updated Meeting Topic"}'

Open the "joinUrl" of an answer in two browsers: that is the meeting.
`
}

/** `npm run tutorial` */
if (import.meta.main) {
  const config = readConfig(process.env)
  const file = credentialsFile(config)
  if (existsSync(file)) console.log(formatTutorial(config, readCredentials(config), file))
  else console.error(`There is no ${file} yet: run \`npm start\` first.`)
}
