/** What can be done with a call as a whole: record it, listen to it, and retrieve who is parked. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { Sign, type SignName } from '../kit/sign.tsx'
import { useCallRights } from './call-rights.ts'
import { type Command, useCommand } from './command.ts'
import { CommandProblem } from './command-problem.tsx'
import { Listen } from './listen.tsx'
import type { LiveCall } from './live-calls.ts'
import { Retrieve } from './retrieve.tsx'

type Recording = Extract<Command, { verb: 'record' }>['data']['action']

export function CallActions({ call }: { readonly call: LiveCall }) {
  const { t } = useLingui()
  const rights = useCallRights(call)
  const [open, setOpen] = useState<'listen' | 'retrieve' | null>(null)
  const command = useCommand(call.id)
  const { recording } = call
  const record = (action: Recording, sign: SignName, words: ReactNode) => (
    <Button
      size="xs"
      variant="default"
      disabled={command.isPending}
      leftSection={<Sign name={sign} size={14} />}
      onClick={() => command.mutate({ verb: 'record', data: { action } })}
    >
      {words}
    </Button>
  )
  return (
    <>
      {rights.mayRetrieve && (
        <p className="soft">
          <Trans>After five minutes the phone that parked it is called back.</Trans>
        </p>
      )}
      <div className="row">
        {rights.mayRetrieve && (
          <Button size="xs" leftSection={<Sign name="handset" size={14} />} onClick={() => setOpen('retrieve')}>
            <Trans>Retrieve</Trans>
          </Button>
        )}
        {rights.mayRecord && !recording && record('start', 'record', <Trans>Record</Trans>)}
        {rights.mayRecord &&
          recording &&
          (recording.is_paused
            ? record('resume', 'record', <Trans>Resume recording</Trans>)
            : record('pause', 'pause', <Trans>Pause recording</Trans>))}
        {rights.mayRecord && recording && record('stop', 'stop', <Trans>Stop recording</Trans>)}
        {rights.mayListen && (
          <Button
            size="xs"
            variant="default"
            leftSection={<Sign name="ear" size={14} />}
            onClick={() => setOpen('listen')}
          >
            <Trans>Listen</Trans>
          </Button>
        )}
      </div>
      {command.error && <CommandProblem what={t`The recording is as it was.`} error={command.error} />}
      {open === 'retrieve' && <Retrieve call={call} onClose={() => setOpen(null)} />}
      {open === 'listen' && <Listen call={call} talking={rights.talking} onClose={() => setOpen(null)} />}
    </>
  )
}
