/**
 * What RFC 4475 says of each of its messages (engine/sip/testdata/rfc4475 has their bytes). `parse`: what the parser owes:
 * `ok`, a status, or `drop`. `answer`: the final statuses that the RFC allows an endpoint and registrar that knows none of
 * its users to give; empty: nothing is answered. Where the RFC leaves a choice, `parse` is ours, and the comment says so.
 */
export interface TortureMessage {
  readonly name: string
  readonly section: string
  readonly parse: 'ok' | 'drop' | number
  readonly answer: readonly number[]
}

/** What an endpoint says to a well formed request that is for nobody here, or asks for credentials. */
const unknown = [401, 403, 404, 407]

export const tortureMessages: readonly TortureMessage[] = [
  // It has a To tag: a dialog that is none of ours.
  { name: 'wsinv', section: '3.1.1.1', parse: 'ok', answer: [481, ...unknown] },
  { name: 'intmeth', section: '3.1.1.2', parse: 'ok', answer: [405, 501] },
  { name: 'esc01', section: '3.1.1.3', parse: 'ok', answer: unknown },
  { name: 'escnull', section: '3.1.1.4', parse: 'ok', answer: unknown },
  { name: 'esc02', section: '3.1.1.5', parse: 'ok', answer: [405, 501] },
  { name: 'lwsdisp', section: '3.1.1.6', parse: 'ok', answer: [200, ...unknown] },
  { name: 'longreq', section: '3.1.1.7', parse: 'ok', answer: unknown },
  { name: 'dblreq', section: '3.1.1.8', parse: 'ok', answer: unknown },
  { name: 'semiuri', section: '3.1.1.9', parse: 'ok', answer: [200, ...unknown] },
  { name: 'transports', section: '3.1.1.10', parse: 'ok', answer: [200, ...unknown] },
  { name: 'mpart01', section: '3.1.1.11', parse: 'ok', answer: [405, 415, 501, ...unknown] },
  { name: 'unreason', section: '3.1.1.12', parse: 'ok', answer: [] },
  { name: 'noreason', section: '3.1.1.13', parse: 'ok', answer: [] },
  { name: 'badinv01', section: '3.1.2.1', parse: 400, answer: [400] },
  { name: 'clerr', section: '3.1.2.2', parse: 400, answer: [400] },
  { name: 'ncl', section: '3.1.2.3', parse: 400, answer: [400] },
  { name: 'scalar02', section: '3.1.2.4', parse: 400, answer: [400] },
  { name: 'scalarlg', section: '3.1.2.5', parse: 'drop', answer: [] },
  { name: 'quotbal', section: '3.1.2.6', parse: 400, answer: [400] },
  // "It is reasonable always to reject a request with this error with a 400."
  { name: 'ltgtruri', section: '3.1.2.7', parse: 400, answer: [400] },
  { name: 'lwsruri', section: '3.1.2.8', parse: 400, answer: [400] },
  // "It is acceptable to reject this request as malformed."
  { name: 'lwsstart', section: '3.1.2.9', parse: 400, answer: [400] },
  // "An element that is liberal in what it accepts may ignore these extra SP characters."
  { name: 'trws', section: '3.1.2.10', parse: 'ok', answer: [200, ...unknown] },
  // "An element could choose to be liberal in what it accepts and ignore the escaped headers."
  { name: 'escruri', section: '3.1.2.11', parse: 'ok', answer: [400, ...unknown] },
  // "An element shouldn't do that unless the contents of the Date header field were actually important."
  { name: 'baddate', section: '3.1.2.12', parse: 'ok', answer: unknown },
  // "An element choosing to be liberal in what it accepts could infer the angle brackets."
  { name: 'regbadct', section: '3.1.2.13', parse: 'ok', answer: [400, ...unknown] },
  // "Elements attempting to be liberal may ignore the spaces."
  { name: 'badaspec', section: '3.1.2.14', parse: 'ok', answer: [200, ...unknown] },
  // As archived it lacks the empty line at its end, which alone is a 400; the names are read liberally otherwise.
  { name: 'baddn', section: '3.1.2.15', parse: 400, answer: [400] },
  { name: 'badvers', section: '3.1.2.16', parse: 505, answer: [505] },
  { name: 'mismatch01', section: '3.1.2.17', parse: 400, answer: [400] },
  // "Any element receiving this should respond with a 501. A 400 is also acceptable."
  { name: 'mismatch02', section: '3.1.2.18', parse: 501, answer: [501, 400] },
  { name: 'bigcode', section: '3.1.2.19', parse: 'drop', answer: [] },
  // "It could reject the request with a 400, or fall back to the RFC 2543-style transaction identifier."
  { name: 'badbranch', section: '3.2.1', parse: 'ok', answer: [200, 400, ...unknown] },
  { name: 'insuf', section: '3.3.1', parse: 400, answer: [400] },
  { name: 'unkscm', section: '3.3.2', parse: 'ok', answer: [416] },
  { name: 'novelsc', section: '3.3.3', parse: 'ok', answer: [416, 404] },
  { name: 'unksm2', section: '3.3.4', parse: 'ok', answer: [400] },
  { name: 'bext01', section: '3.3.5', parse: 'ok', answer: [420] },
  { name: 'invut', section: '3.3.6', parse: 'ok', answer: [415, ...unknown] },
  { name: 'regaut01', section: '3.3.7', parse: 'ok', answer: [401] },
  { name: 'multi01', section: '3.3.8', parse: 400, answer: [400] },
  { name: 'mcl01', section: '3.3.9', parse: 400, answer: [400] },
  // Well formed; an endpoint drops a response with a second Via (RFC 3261 §8.1.3.3), which is not the parser's work.
  { name: 'bcast', section: '3.3.10', parse: 'ok', answer: [] },
  { name: 'zeromf', section: '3.3.11', parse: 'ok', answer: [200, ...unknown] },
  { name: 'cparam01', section: '3.3.12', parse: 'ok', answer: [200, ...unknown] },
  { name: 'cparam02', section: '3.3.13', parse: 'ok', answer: [200, ...unknown] },
  { name: 'regescrt', section: '3.3.14', parse: 'ok', answer: [200, ...unknown] },
  { name: 'sdp01', section: '3.3.15', parse: 'ok', answer: [400, 406, ...unknown] },
  { name: 'inv2543', section: '3.4.1', parse: 'ok', answer: unknown },
]
