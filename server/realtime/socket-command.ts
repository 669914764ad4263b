/** A `call` frame: an operation of the table that steers calls, done as over HTTP and answered as there (E7, A6). */
import type { ClientFrame, ServerFrame } from '../../contract/realtime.ts'
import { type OperationId, operationTable } from '../../contract/operations.ts'
import { ApiError } from '../api-error.ts'
import type { App } from '../app.ts'
import { checkAccess } from '../auth/authenticate.ts'
import type { Principal } from '../auth/principal.ts'
import { type Call, JsonText } from '../handlers/call.ts'
import { handlers } from '../handlers/handlers.ts'
import { languageOf, toRefusal } from '../http/answer.ts'
import { type Asked, readCall } from '../http/asked.ts'

type CallFrame = Extract<ClientFrame, { type: 'call' }>
type Result = Pick<Extract<ServerFrame, { type: 'result' }>, 'status' | 'headers' | 'body'>

interface Caller {
  readonly who: Principal
  readonly secret: string | null
  readonly ip: string
  readonly signal: AbortSignal
}

/** Never throws: what went wrong is the result. */
export async function runCommand(app: App, caller: Caller, frame: CallFrame): Promise<Result> {
  const { operation: name, params = {}, query = {}, body } = frame
  const given = new Map(Object.entries(frame.headers ?? {}).map(([key, value]) => [key.toLowerCase(), value]))
  const headers: Record<string, string> = {}
  let status = 200
  try {
    const operation = steers(name) ? operationTable[name] : undefined
    if (!operation) throw new ApiError('not_found', `operation: there is no ${name} that steers calls.`)
    checkAccess(caller.who, operation.access)
    const asked: Asked = {
      ...caller,
      params,
      query,
      body,
      header: (key) => given.get(key) ?? null,
      again: async () => caller.who,
      keepSession: () => {
        throw new Error('a frame keeps no session')
      },
      tell: (key, value) => {
        headers[key] = value
      },
      accepted: () => {
        status = 202
      },
    }
    // The table ties each handler to its schemas; here, as in a route, the tie is by name.
    const handle = handlers[name as OperationId] as (call: Call) => Promise<unknown>
    const answer = await handle(readCall(app, name as OperationId, operation, asked))
    const result = answer instanceof JsonText ? JSON.parse(answer.text) : operation.result.parse(answer)
    return { body: result, headers, status }
  } catch (error) {
    const refusal = toRefusal(error, languageOf(given.get('accept-language')), frame.id, app.log)
    return { status: refusal.status, headers, body: { error: refusal.error } }
  }
}

function steers(name: string): name is OperationId {
  if (!Object.hasOwn(operationTable, name)) return false
  const { access } = operationTable[name as OperationId]
  return access.kind === 'credential' && access.scope === 'calls:control'
}
