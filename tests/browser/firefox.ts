/** Debian's Firefox with fake devices, driven over WebDriver BiDi. */
import puppeteer, { type Browser } from 'puppeteer-core'

const firefoxPath = '/usr/bin/firefox-esr'

export function launchFirefox(): Promise<Browser> {
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: firefoxPath,
    headless: true,
    acceptInsecureCerts: true,
    extraPrefsFirefox: {
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
      'media.autoplay.default': 0,
      'media.autoplay.blocking_policy': 0,
      'media.peerconnection.ice.obfuscate_host_addresses': false,
    },
  })
}
