/** What is around every page: navigation by what people own, the organisation that is looked at, and the palette. */
import { Trans, useLingui } from '@lingui/react/macro'
import { AppShell, Burger, Button, Kbd, Menu, NavLink } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Link, Outlet, useLocation, useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { Brand } from '../kit/brand.tsx'
import { CallDialog } from './calls/call-dialog.tsx'
import { OrganisationSwitcher } from './organisation-switcher.tsx'
import { Palette } from './palette.tsx'
import { isForAdmins, type Place, usePlaces } from './places.ts'
import { useSession } from './session.tsx'
import { Empty, Page } from './kit/page.tsx'
import { Sign } from './kit/sign.tsx'
import { usePerson } from './person.ts'
import { useSignOut } from './sign-out.ts'

export function Frame() {
  const [isOpen, nav] = useDisclosure(false)
  const [isPaletteOpen, palette] = useDisclosure(false)
  const { pathname } = useLocation()
  const [called, setCalled] = useState<string | null>(null)
  const { t } = useLingui()
  const { isAdmin } = useSession()
  // On a phone the navigation covers the page that was just chosen.
  useEffect(nav.close, [pathname])
  usePaletteKey(palette.open)
  return (
    <AppShell
      layout="alt"
      header={{ height: 52 }}
      navbar={{ width: 232, breakpoint: 'sm', collapsed: { mobile: !isOpen } }}
      padding={0}
    >
      <a className="skip" href="#page">
        <Trans>Skip to the page</Trans>
      </a>
      <AppShell.Header className="top">
        <Burger
          opened={isOpen}
          onClick={nav.toggle}
          hiddenFrom="sm"
          size="sm"
          aria-label={isOpen ? t`Close the navigation` : t`Open the navigation`}
        />
        <OrganisationSwitcher />
        <Button
          className="palette-button"
          variant="default"
          onClick={palette.open}
          leftSection={<Sign name="search" size={16} />}
          rightSection={<Kbd size="xs">{isApple ? '⌘ K' : 'Ctrl K'}</Kbd>}
        >
          <Trans>Search</Trans>
        </Button>
      </AppShell.Header>
      <AppShell.Navbar className="side" aria-label={t`Main navigation`}>
        <div className="side-top">
          <Brand />
          <Burger opened onClick={nav.close} hiddenFrom="sm" size="sm" aria-label={t`Close the navigation`} />
        </div>
        <Navigation />
        <Me />
      </AppShell.Navbar>
      <AppShell.Main id="page" tabIndex={-1}>
        {!isAdmin && isForAdmins(pathname) ? <NotYours /> : <Outlet />}
      </AppShell.Main>
      {isPaletteOpen && <Palette onClose={palette.close} onCall={setCalled} />}
      {called !== null && (
        <CallDialog callee={{ name: called, to: { number: called } }} onClose={() => setCalled(null)} />
      )}
    </AppShell>
  )
}

/** Instead of a page whose every question would be refused. */
function NotYours() {
  const { t } = useLingui()
  return (
    <Page title={t`For administrators`}>
      <Empty
        action={
          <Button component={Link} to="/" variant="default">
            <Trans>Go home</Trans>
          </Button>
        }
      >
        <Trans>This page shows the whole organisation. Ask an administrator for what you need from it.</Trans>
      </Empty>
    </Page>
  )
}

const isApple = /Mac|iPhone|iPad/.test(navigator.platform)

function usePaletteKey(open: () => void): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.metaKey || event.ctrlKey) || event.altKey || event.shiftKey) return
      event.preventDefault()
      open()
    }
    document.addEventListener('keydown', pressed)
    return () => document.removeEventListener('keydown', pressed)
  }, [open])
}

function Navigation() {
  const places = usePlaces()
  const own = places.filter(({ group }) => group === 'own')
  const developers = places.filter(({ group }) => group === 'developers')
  const rest = places.filter(({ group }) => group === 'rest')
  return (
    <div className="side-links">
      {own.map((place) => (
        <PlaceLink key={place.to} place={place} />
      ))}
      <p className="side-title">
        <Trans>Developers</Trans>
      </p>
      {developers.map((place) => (
        <PlaceLink key={place.to} place={place} />
      ))}
      <hr />
      {rest.map((place) => (
        <PlaceLink key={place.to} place={place} />
      ))}
    </div>
  )
}

function PlaceLink({ place }: { readonly place: Place }) {
  const { pathname } = useLocation()
  const isHere = place.to === '/' ? pathname === '/' : pathname === place.to || pathname.startsWith(`${place.to}/`)
  return (
    <NavLink
      renderRoot={(props) => <Link to={place.to} {...props} />}
      active={isHere}
      aria-current={isHere ? 'page' : undefined}
      label={place.name}
      leftSection={<Sign name={place.sign} />}
    />
  )
}

function Me() {
  const { who } = useSession()
  const person = usePerson(who.user_id)
  const navigate = useNavigate()
  const signOut = useSignOut()
  const name = person ? `${person.first_name} ${person.last_name}`.trim() : ''
  return (
    <Menu position="top-start" width={216} withinPortal>
      <Menu.Target>
        <button type="button" className="me">
          <span className="me-mark" aria-hidden="true">
            {initials(name)}
          </span>
          <span className="me-name">
            {name}
            <small>{person?.email ?? person?.username}</small>
          </span>
          <Sign name="selector" size={16} />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<Sign name="settings" size={16} />} onClick={() => void navigate({ to: '/settings' })}>
          <Trans>Settings</Trans>
        </Menu.Item>
        <Menu.Item leftSection={<Sign name="logout" size={16} />} onClick={() => void signOut()}>
          <Trans>Sign out</Trans>
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

const initials = (name: string) =>
  name
    .split(/\s+/)
    .map(([first = '']) => first)
    .slice(0, 2)
    .join('')
    .toUpperCase()
