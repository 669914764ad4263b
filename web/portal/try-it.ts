/**
 * The key with which the reference tries calls. It lives as long as the tab, and no longer than the session of whoever made
 * it: the door forgets it, and so does another person's session.
 */

/** Read by the page of the reference (server/build-reference.ts). */
const stored = 'carillon.try-it'

export const keepTryIt = (key: string) => sessionStorage.setItem(stored, key)
export const hasTryIt = () => sessionStorage.getItem(stored) !== null
export const forgetTryIt = () => sessionStorage.removeItem(stored)
