/** Dark, light or what the system says, on the page's root. */
export function applyTheme(theme: 'system' | 'dark' | 'light'): void {
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}
