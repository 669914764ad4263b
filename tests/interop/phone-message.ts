/** What a scripted phone reads out of a SIP message, and what it and its calls have in common. */
import { randomBytes } from 'node:crypto'

export interface Message {
  /** Of a request; empty in a response. */
  readonly method: string
  readonly uri: string
  /** 0 in a request. */
  readonly status: number
  readonly text: string
  readonly body: string
}

/** How long it waits for what is to come. */
export const waitMs = 10_000
export const token = () => randomBytes(8).toString('hex')

export const header = (message: Message, name: string): string =>
  new RegExp(`^${name}[ \\t]*:[ \\t]*(.*?)\\r$`, 'im').exec(message.text)?.[1] ?? ''
export const headers = (message: Message, name: string): string[] =>
  [...message.text.matchAll(new RegExp(`^${name}[ \\t]*:[ \\t]*(.*?)\\r$`, 'gim'))].map((match) => match[1] ?? '')
export const tagOf = (value: string) => /;tag=([^;>\s]+)/.exec(value)?.[1] ?? ''
export const uriOf = (value: string) => /<([^>]+)>/.exec(value)?.[1] ?? value.split(';')[0] ?? ''
