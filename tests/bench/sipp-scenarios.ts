/**
 * What sipp's phones do, as its scenarios. Callers' files have a line for each call: user, realm, credentials, the number
 * to call, and the one to hand on to; callees' files end with the credentials.
 */

const head = '<?xml version="1.0" encoding="ISO-8859-1" ?>'
const scenario = (name: string, steps: string) => `${head}\n<scenario name="${name}">\n${steps}\n</scenario>\n`
const send = (text: string, attributes = '') => `<send${attributes}><![CDATA[\n${text}\n]]></send>`
const again = ' retrans="500"'
const sdp = `v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 6000 RTP/AVP 8 0 101
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
`

const registerText = (cseq: number, credentials: string) => `REGISTER sip:[field1] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <sip:[field0]@[field1]>;tag=[call_number]
To: <sip:[field0]@[field1]>
Call-ID: [call_id]
CSeq: ${cseq} REGISTER
Contact: <sip:[field0]@[local_ip]:[local_port]>
Expires: 3600
${credentials}Content-Length: 0
`
const inviteText = (cseq: number, credentials: string) => `INVITE sip:[field3]@[field1] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <sip:[field0]@[field1]>;tag=[call_number]
To: <sip:[field3]@[field1]>
Call-ID: [call_id]
CSeq: ${cseq} INVITE
Contact: <sip:[field0]@[local_ip]:[local_port]>
${credentials}Content-Type: application/sdp
Content-Length: [len]

${sdp}`
/** Of the caller, in the dialog or about the INVITE. */
const within = (method: string, cseq: number, { branch = '[branch]', uri = '[next_url]', lines = '' } = {}) =>
  `${method} ${uri} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=${branch};rport
Max-Forwards: 70
From: <sip:[field0]@[field1]>;tag=[call_number]
To: <sip:[field3]@[field1]>[peer_tag_param]
Call-ID: [call_id]
CSeq: ${cseq} ${method}
Contact: <sip:[field0]@[local_ip]:[local_port]>
${lines}Content-Length: 0
`
const called = 'sip:[field3]@[field1]'
const responseText = (status: string, { body = '', tag = '' } = {}) => `SIP/2.0 ${status}
[last_Via:]
[last_From:]
[last_To:]${tag}
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
${body === '' ? 'Content-Length: 0\n' : `Content-Type: application/sdp\nContent-Length: [len]\n\n${body}`}`

const challengedInvite = `${send(inviteText(1, ''), again)}
<recv response="401" auth="true" />
${send(within('ACK', 1, { branch: '[branch-2]', uri: called }))}
${send(inviteText(2, '[field2]\n'), again)}
<recv response="100" optional="true" />`
const answered = `<recv response="180" optional="true" />
<recv response="200" rtd="true" rrs="true" />
${send(within('ACK', 2))}`
const hungUp = `${send(within('BYE', 9), again)}
<recv response="200" />`
const tag = ';tag=[pid]c[call_number]'
/** So that it can be said again: sipp knows only the message that came last. */
const noted = (header: string, variable: number) =>
  `<ereg regexp=".*" search_in="hdr" header="${header}:" assign_to="${variable}" />`
const rings = (...notes: string[]) => `<recv request="INVITE"><action>${notes.join('')}</action></recv>
${send(responseText('180 Ringing', { tag }))}`

/** A phone signs in; it is called where it did that from. */
export const registers = scenario(
  'registers',
  `${send(registerText(1, ''), again)}
<recv response="401" auth="true" />
${send(registerText(2, '[field2]\n'), again)}
<recv response="200" />`,
)

/** A call that is answered; the caller hangs up after `-d`. */
export const calls = scenario('calls', `${challengedInvite}\n${answered}\n<pause />\n${hungUp}`)

/** The caller gives up while it rings. */
export const cancels = scenario(
  'cancels',
  `${challengedInvite}
<recv response="180" />
<pause />
${send(within('CANCEL', 2, { branch: '[branch-4]', uri: called }).replace('[peer_tag_param]', ''), again)}
<recv response="200" />
<recv response="487" />
${send(within('ACK', 2, { branch: '[branch-7]', uri: called }))}`,
)

/** Nobody takes the call, whether it rings or the phone is gone. */
export const waitsInVain = scenario(
  'waits in vain',
  `${challengedInvite}
<recv response="180" optional="true" />
<recv response="480" />
${send(within('ACK', 2, { branch: '[branch-4]', uri: called }))}`,
)

/** The caller hands on whom it called, to [field4]; it is told how that goes, and hung up when that one has answered. */
export const handsOn = scenario(
  'hands on',
  `${challengedInvite}
${answered}
<pause />
${send(within('REFER', 3, { lines: 'Refer-To: <sip:[field4]@[field1]>\n' }), again)}
<recv response="202" />
<label id="1" />
<recv request="NOTIFY" optional="true" next="2" />
<recv request="BYE" next="3" />
<label id="2" />
${send(responseText('200 OK'), ' next="1"')}
<label id="3" />
${send(responseText('200 OK'))}`,
)

/** A phone that answers, and is hung up. */
export const answers = scenario(
  'answers',
  `${rings()}
${send(responseText('200 OK', { tag, body: sdp }), again)}
<recv request="ACK" />
<recv request="BYE" />
${send(responseText('200 OK'))}`,
)

/** A phone that rings until it is told to stop. */
export const ringsOnly = scenario(
  'rings only',
  `${rings(noted('CSeq', 1))}
<recv request="CANCEL" />
${send(responseText('200 OK'))}
${send(responseText('487 Request Terminated', { tag }).replace('[last_CSeq:]', 'CSeq:[$1]'), again)}
<recv request="ACK" />`,
)

/** A phone that answers, and hangs up after `-d`. */
export const hangsUp = scenario(
  'hangs up',
  `${rings(noted('From', 1), noted('To', 2))}
${send(responseText('200 OK', { tag, body: sdp }), again)}
<recv request="ACK" rrs="true" />
<pause />
${send(
  `BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From:[$2]${tag}
To:[$1]
Call-ID: [call_id]
CSeq: 1 BYE
Content-Length: 0
`,
  again,
)}
<recv response="200" />`,
)
