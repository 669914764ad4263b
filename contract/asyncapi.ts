/**
 * The document of the streams, AsyncAPI 3: the events of the catalogue as Server-Sent Events, and the frames of the
 * WebSocket, derived from contract/events.ts and contract/realtime.ts. As that standard has it, its operations are what
 * this side does: it sends events and receives frames.
 */
import { z } from 'zod'
import { Cursor, Event } from './event.ts'
import { events } from './events.ts'
import { clientFrames, closeCodes, endReasons, serverFrames, StreamEnd, StreamFilter } from './realtime.ts'
import { type Json, SchemaComponents } from './schema-components.ts'

export function asyncapi(serverUrl: string): Json {
  const components = new SchemaComponents('draft-7')
  const messages = { ...eventMessages(components), ...frameMessages(components) }
  const ofStream = [...Object.keys(events).map(eventName), 'end']
  const sent = Object.keys(serverFrames).map(sentName)
  const received = Object.keys(clientFrames).map(receivedName)
  const { protocol, host } = new URL(serverUrl)
  const isSecure = protocol === 'https:'
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Carillon streams',
      version: '3.0',
      description:
        'The event log as it happens. Both streams carry the same events in the same order, from any cursor, with the filters of `GET /v3.0/events`.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      http: { host, protocol: isSecure ? 'https' : 'http', security },
      websocket: { host, protocol: isSecure ? 'wss' : 'ws' },
    },
    channels: {
      stream: {
        address: '/v3.0/realtime/stream',
        title: 'Server-Sent Events',
        description:
          'Each message is the `data` of a frame, whose `id` is the event’s cursor; frames of an `id` alone move it on. The frame of `end` is named so.',
        servers: [{ $ref: '#/servers/http' }],
        messages: referTo(ofStream),
        bindings: { http: { bindingVersion: '0.3.0' } },
      },
      socket: {
        address: '/v3.0/websockets/events',
        title: 'WebSocket',
        description: `One JSON value a text frame. The first frame authenticates within five seconds. Close codes: ${closings}`,
        servers: [{ $ref: '#/servers/websocket' }],
        messages: referTo([...received, ...sent]),
        bindings: { ws: { method: 'GET', bindingVersion: '0.1.0' } },
      },
    },
    operations: {
      streamEvents: operation('send', 'stream', ofStream, {
        summary: 'Follow the event log.',
        bindings: {
          http: { method: 'GET', query: components.use(StreamFilter, 'input'), bindingVersion: '0.3.0' },
        },
      }),
      receiveFrames: operation('receive', 'socket', received, { summary: 'What a client says.' }),
      sendFrames: operation('send', 'socket', sent, { summary: 'What the server says.' }),
    },
    components: { schemas: components.schemas, messages, securitySchemes },
  }
}

const security = [{ $ref: '#/components/securitySchemes/key' }, { $ref: '#/components/securitySchemes/token' }]
const securitySchemes = {
  key: { type: 'httpApiKey', in: 'header', name: 'X-API-KEY', description: 'An API key with the scope `realtime`.' },
  token: { type: 'httpApiKey', in: 'header', name: 'X-Auth-Token', description: 'A token of `PUT /v3.0/auth/…`.' },
}

const closings = Object.values(closeCodes)
  .map(({ code, description }) => `${code}: ${description}`)
  .join(' ')

// Names that are property names of programs too, and differ between the three kinds.
const eventName = (type: string) => `event_${type.replace('.', '_')}`
const sentName = (type: string) => `send_${type}`
const receivedName = (type: string) => `receive_${type}`

/** One message for each type of the catalogue, with its own `data`. */
function eventMessages(components: SchemaComponents): Json {
  const envelope = components.use(Event, 'output')
  const cursor = components.use(Cursor, 'output')
  const entries = Object.entries(events).map(([type, { summary, resource, scope, data, example }]) => {
    const ofType = { properties: { type: { const: type }, data: components.use(data, 'output') } }
    const event = { allOf: [envelope, ofType] }
    return [
      eventName(type),
      {
        name: type,
        title: type,
        summary,
        description: `Resource \`${resource}\`; readable with the scope \`${scope}\`.\n\n${fenced(example)}`,
        payload: { type: 'object', required: ['prev', 'event'], properties: { prev: cursor, event } },
      },
    ]
  })
  const description = Object.entries(endReasons)
    .map(([reason, remedy]) => `\`${reason}\`: ${remedy}`)
    .join(' ')
  const end = {
    name: 'end',
    title: 'end',
    summary: 'The last frame.',
    description,
    payload: components.use(StreamEnd, 'output'),
  }
  return { ...Object.fromEntries(entries), end }
}

const fenced = (data: unknown) => `Its \`data\`, for example:\n\n\`\`\`json\n${JSON.stringify(data, null, 2)}\n\`\`\``

function frameMessages(components: SchemaComponents): Json {
  const messagesOf = (
    frames: Readonly<Record<string, z.ZodType>>,
    nameOf: (type: string) => string,
    io: 'input' | 'output',
  ) =>
    Object.entries(frames).map(([type, frame]) => {
      const description = z.globalRegistry.get(frame)?.description
      const message = {
        name: type,
        title: type,
        ...(description && { description }),
        payload: components.use(frame, io),
      }
      return [nameOf(type), message]
    })
  return Object.fromEntries([
    ...messagesOf(clientFrames, receivedName, 'input'),
    ...messagesOf(serverFrames, sentName, 'output'),
  ])
}

const referTo = (names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }]))

const operation = (action: 'send' | 'receive', channel: string, names: readonly string[], more: Json) => ({
  action,
  channel: { $ref: `#/channels/${channel}` },
  messages: names.map((name) => ({ $ref: `#/channels/${channel}/messages/${name}` })),
  ...more,
})
