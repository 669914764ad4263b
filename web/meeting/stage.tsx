/**
 * The others: a grid that pages, or what somebody shares beside a strip of people. It says how large each is shown, so
 * that no larger picture is sent than is seen (M17).
 */
import { Trans, useLingui } from '@lingui/react/macro'
import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { Participant, Wanted } from '../../contract/signalling.ts'
import { Button, IconButton } from '../kit/button.tsx'
import { type Box, gridOf, type Size, stageOf, stripLengthIn } from './layout.ts'
import { pageLength } from './seating.ts'
import { Tile } from './tile.tsx'
import { useMeeting, useMeetingState } from './use-meeting.ts'

interface Shown {
  readonly participant: Participant
  readonly source: 'camera' | 'screen'
  readonly box: Box
}

const narrow = 600
const narrowPageLength = 6

export function Stage() {
  const { t } = useLingui()
  const meeting = useMeeting()
  const area = useRef<HTMLElement>(null)
  const size = useSize(area)
  const [page, setPage] = useState(0)
  const { shown, pages } = useShown(size, page)
  const isAlone = useMeetingState((state) => state.others.size === 0)
  const at = Math.min(page, pages - 1)
  useShowing(shown)
  useEffect(() => setPage((before) => Math.min(before, pages - 1)), [pages])
  return (
    <section
      ref={area}
      className="stage"
      aria-label={t`Participants`}
      onPointerEnter={() => meeting.setPointerAmongTiles(true)}
      onPointerLeave={() => meeting.setPointerAmongTiles(false)}
    >
      {isAlone && <Alone />}
      {shown.map(({ participant, source, box }) => (
        <Tile key={`${participant.id} ${source}`} participant={participant} source={source} box={box} />
      ))}
      {pages > 1 && (
        <nav className="pager" aria-label={t`Pages of participants`}>
          <IconButton
            icon="chevron-left"
            label={t`Previous page`}
            disabled={at === 0}
            onClick={() => setPage(at - 1)}
          />
          <span className="numbers">
            {at + 1} / {pages}
          </span>
          <IconButton
            icon="chevron-right"
            label={t`Next page`}
            disabled={at === pages - 1}
            onClick={() => setPage(at + 1)}
          />
        </nav>
      )}
    </section>
  )
}

function useShown(size: Size, page: number): { readonly shown: readonly Shown[]; readonly pages: number } {
  const meeting = useMeeting()
  const others = useMeetingState((state) => state.others)
  const order = useMeetingState((state) => state.order)
  const people = order.flatMap((id) => others.get(id) ?? [])
  const sharing = meeting.parameters.layout === 'video-only' ? [] : people.filter(({ screen }) => screen)
  const perPage = sharing.length > 0 ? stripLengthIn(size) : size.width < narrow ? narrowPageLength : pageLength
  useEffect(() => meeting.setSeats(perPage), [meeting, perPage])
  const asShown = (source: Shown['source'], boxes: readonly Box[]) => (participant: Participant, index: number) => {
    const box = boxes[index]
    return box ? [{ participant, source, box }] : []
  }
  if (sharing.length > 0) {
    const stage = stageOf(sharing.length, people.length, size)
    const strip = people.slice(0, perPage).flatMap(asShown('camera', stage.strip))
    return { shown: [...sharing.flatMap(asShown('screen', stage.main)), ...strip], pages: 1 }
  }
  const pages = Math.max(1, Math.ceil(people.length / perPage))
  const first = Math.min(page, pages - 1) * perPage
  const visible = people.slice(first, first + perPage)
  return { shown: visible.flatMap(asShown('camera', gridOf(visible.length, size))), pages }
}

function useShowing(shown: readonly Shown[]): void {
  const meeting = useMeeting()
  const ratio = window.devicePixelRatio
  const hasCameras = meeting.parameters.layout !== 'collaboration-only'
  const wanted: Wanted[] = shown
    .filter(({ source }) => source === 'screen' || hasCameras)
    .map(({ participant, source, box }) => ({
      participantId: participant.id,
      source,
      height: Math.round(box.height * ratio),
    }))
  const text = JSON.stringify(wanted)
  useEffect(() => meeting.show(JSON.parse(text)), [meeting, text])
}

function useSize(of: React.RefObject<HTMLElement | null>): Size {
  const [size, setSize] = useState<Size>({ width: 0, height: 0 })
  useLayoutEffect(() => {
    const element = of.current
    if (!element) return
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight })
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    measure()
    return () => observer.disconnect()
  }, [of])
  return size
}

function Alone() {
  const meeting = useMeeting()
  const [isCopied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard?.writeText(meeting.link)
    setCopied(true)
  }
  return (
    <div className="alone-note">
      <h2>
        <Trans>Nobody else is here yet</Trans>
      </h2>
      <p className="soft">
        <Trans>Others come in by this link.</Trans>
      </p>
      <p className="link mono">{meeting.link}</p>
      {navigator.clipboard && (
        <Button icon={isCopied ? 'check' : 'copy'} onClick={() => void copy()}>
          {isCopied ? <Trans>Copied</Trans> : <Trans>Copy link</Trans>}
        </Button>
      )}
    </div>
  )
}
