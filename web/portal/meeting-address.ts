/** What somebody pastes to get into a meeting: its number with or without dashes and spaces, or the whole link. */
export function meetingAddressOf(text: string): string | null {
  const link = /\/meet\/([\d-]{16,19})([?#]\S*)?/.exec(text)
  const digits = (link?.[1] ?? text).replaceAll(/[\s-]/g, '')
  if (!/^\d{16}$/.test(digits)) return null
  return `/meet/${digits.replaceAll(/(\d{4})(?=\d)/g, '$1-')}${link?.[2] ?? ''}`
}
