/** Which address shows which page. Each page is a chunk of its own; `org` in an address is the organisation looked at. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  type RouteComponent,
  retainSearchParams,
} from '@tanstack/react-router'
import { Gate } from './gate.tsx'
import { NotFound } from './kit/problem.tsx'

interface PortalSearch {
  /** The organisation that is looked at, when it is not the own one. */
  org?: string | undefined
  /** Of lists: what is searched for, and what they are sorted by. */
  q?: string | undefined
  sort?: string | undefined
  [filter: string]: string | undefined
}

/** Filters are texts; the page that has them says which it knows. */
const readSearch = (search: Record<string, unknown>): PortalSearch =>
  Object.fromEntries(
    Object.entries(search).flatMap(([name, value]) =>
      typeof value === 'string' || typeof value === 'number' ? [[name, String(value)]] : [],
    ),
  )

const root = createRootRoute({
  component: Outlet,
  notFoundComponent: NotFound,
  validateSearch: readSearch,
  search: { middlewares: [retainSearchParams(['org'])] },
})

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  component: lazyRouteComponent(() => import('./pages/sign-in-page.tsx'), 'SignInPage'),
})

const inside = createRoute({ getParentRoute: () => root, id: 'inside', component: Gate })

const page = <P extends string, const T>(path: P, component: T) =>
  createRoute({ getParentRoute: () => inside, path, component: component as RouteComponent })

/** Calls open beside what goes on, so home has no address of its own in front of theirs. */
const home = createRoute({
  getParentRoute: () => inside,
  id: 'home',
  component: lazyRouteComponent(() => import('./pages/home-page.tsx'), 'HomePage'),
})
const noCall = createRoute({ getParentRoute: () => home, path: '/' })
const liveCall = createRoute({
  getParentRoute: () => home,
  path: '/calls/$id',
  component: lazyRouteComponent(() => import('./pages/call-panel.tsx'), 'LiveCallPanel'),
})
const settings = page(
  '/settings',
  lazyRouteComponent(() => import('./pages/settings-page.tsx'), 'SettingsPage'),
)

const people = page(
  '/people',
  lazyRouteComponent(() => import('./pages/people-page.tsx'), 'PeoplePage'),
)
const newPerson = createRoute({
  getParentRoute: () => people,
  path: 'new',
  component: lazyRouteComponent(() => import('./pages/people-page.tsx'), 'NewPersonPanel'),
})
const person = createRoute({
  getParentRoute: () => people,
  path: '$id',
  component: lazyRouteComponent(() => import('./pages/people-page.tsx'), 'PersonPanel'),
})

const phones = page(
  '/phones',
  lazyRouteComponent(() => import('./pages/phones-page.tsx'), 'PhonesPage'),
)
const newPhone = createRoute({
  getParentRoute: () => phones,
  path: 'new',
  component: lazyRouteComponent(() => import('./pages/phones-page.tsx'), 'NewPhonePanel'),
})
const phone = createRoute({
  getParentRoute: () => phones,
  path: '$id',
  component: lazyRouteComponent(() => import('./pages/phones-page.tsx'), 'PhonePanel'),
})

const meetings = page(
  '/meetings',
  lazyRouteComponent(() => import('./pages/meetings-page.tsx'), 'MeetingsPage'),
)
const meeting = createRoute({
  getParentRoute: () => meetings,
  path: '$id',
  component: lazyRouteComponent(() => import('./pages/meetings-page.tsx'), 'MeetingPanel'),
})

const history = page(
  '/history',
  lazyRouteComponent(() => import('./pages/history-page.tsx'), 'HistoryPage'),
)
const pastCall = createRoute({
  getParentRoute: () => history,
  path: '$id',
  component: lazyRouteComponent(() => import('./pages/call-panel.tsx'), 'PastCallPanel'),
})

const webhooks = page(
  '/developers/webhooks',
  lazyRouteComponent(() => import('./pages/webhooks-page.tsx'), 'WebhooksPage'),
)
const newWebhook = createRoute({
  getParentRoute: () => webhooks,
  path: 'new',
  component: lazyRouteComponent(() => import('./pages/webhooks-page.tsx'), 'NewWebhookPanel'),
})
const webhook = createRoute({
  getParentRoute: () => webhooks,
  path: '$id',
  component: lazyRouteComponent(() => import('./pages/webhook-panel.tsx'), 'WebhookPanel'),
})

const reference = page(
  '/developers/reference',
  lazyRouteComponent(() => import('./pages/reference-page.tsx'), 'ReferencePage'),
)

const events = page(
  '/developers/events',
  lazyRouteComponent(() => import('./pages/events-page.tsx'), 'EventsPage'),
)
const event = createRoute({
  getParentRoute: () => events,
  path: '$id',
  component: lazyRouteComponent(() => import('./pages/event-panel.tsx'), 'EventPanel'),
})

const keys = page(
  '/developers/keys',
  lazyRouteComponent(() => import('./pages/keys-page.tsx'), 'KeysPage'),
)
const newKey = createRoute({
  getParentRoute: () => keys,
  path: 'new',
  component: lazyRouteComponent(() => import('./pages/keys-page.tsx'), 'NewKeyPanel'),
})
const key = createRoute({
  getParentRoute: () => keys,
  path: '$id',
  component: lazyRouteComponent(() => import('./pages/keys-page.tsx'), 'KeyPanel'),
})

const routeTree = root.addChildren([
  signIn,
  inside.addChildren([
    home.addChildren([noCall, liveCall]),
    people.addChildren([newPerson, person]),
    phones.addChildren([newPhone, phone]),
    meetings.addChildren([meeting]),
    history.addChildren([pastCall]),
    events.addChildren([event]),
    webhooks.addChildren([newWebhook, webhook]),
    reference,
    keys.addChildren([newKey, key]),
    settings,
  ]),
])

export const router = createRouter({
  routeTree,
  defaultPreload: 'intent',
  // What was written to the address is what is read from it: ids stay texts, also those of digits alone.
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const kept = Object.entries(search).flatMap(([name, value]) =>
      value === undefined || value === '' ? [] : [[name, String(value)] as [string, string]],
    )
    const text = new URLSearchParams(kept).toString()
    return text === '' ? '' : `?${text}`
  },
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
