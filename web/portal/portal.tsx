/** The portal: theme, words, questions to the server, and the router that says which page is shown. */
import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import './portal.css'
import './lists.css'
import './forms.css'
import './calls.css'
import { DirectionProvider, MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { router } from './router.tsx'
import { queries } from './session.tsx'
import { themeManager } from './theme-choice.ts'
import { theme, variables } from './theme.ts'

export function Portal() {
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={variables}
      colorSchemeManager={themeManager}
      defaultColorScheme="light"
    >
      <DirectionProvider>
        <QueryClientProvider client={queries}>
          <Notifications position="bottom-left" limit={2} />
          <RouterProvider router={router} />
        </QueryClientProvider>
      </DirectionProvider>
    </MantineProvider>
  )
}
