import { describe, expect, it } from 'vitest'
import {
  emergencyWithCountryPrefix,
  formatNumber,
  hasCountryTable,
  isAnonymousUser,
  isEmergencyNumber,
  numberOfUri,
  readNumber,
  readTrunkNumber,
} from './numbers.ts'

const read = (dialled: string, country: string) => {
  const { e164, kind, text } = readNumber(dialled, country)
  return e164 === null ? `${text} ${kind}` : `${e164} ${kind}`
}

describe('as dialled in each country', () => {
  it.each([
    ['BE', '02 555 01 00', '+3225550100 national'],
    ['BE', '0470 12 34 56', '+32470123456 mobile'],
    ['BE', '0032 2 555 01 00', '+3225550100 national'],
    ['BE', '+32 (0)2 555 01 00', '+3225550100 national'],
    ['BE', '0800 12 345', '+3280012345 toll_free'],
    ['BE', '0903 12345', '+3290312345 premium'],
    ['BE', '0033140000000', '+33140000000 international'],
    ['BE', '1001', '1001 short'],
    ['BE', '2001', '2001 text'],
    ['BE', '1307', '1307 premium'],
    ['FR', '01 40 00 00 00', '+33140000000 national'],
    ['FR', '0612345678', '+33612345678 mobile'],
    ['FR', '0899123456', '+33899123456 premium'],
    ['FR', '3949', '3949 short'],
    ['FR', '118218', '118218 premium'],
    ['NL', '020-1234567', '+31201234567 national'],
    ['NL', '0612345678', '+31612345678 mobile'],
    ['NL', '0900 1234', '+319001234 premium'],
    ['NL', '14020', '14020 short'],
    ['LU', '26 12 34 56', '+35226123456 national'],
    ['LU', '621 123 456', '+352621123456 mobile'],
    ['LU', '90112345', '+35290112345 premium'],
    ['DE', '030 123456', '+4930123456 national'],
    ['DE', '0151 12345678', '+4915112345678 mobile'],
    ['DE', '0900 1234567', '+499001234567 premium'],
    ['DE', '115', '115 short'],
    ['GB', '020 7946 0000', '+442079460000 national'],
    ['GB', '07700 900123', '+447700900123 mobile'],
    ['GB', '0909 879 0000', '+449098790000 premium'],
    ['GB', '070 1234 5678', '+447012345678 premium'],
    ['CH', '044 123 45 67', '+41441234567 national'],
    ['CH', '079 123 45 67', '+41791234567 mobile'],
    ['CH', '0900 123 456', '+41900123456 premium'],
    ['US', '(212) 555-0100', '+12125550100 national'],
    ['US', '1 212 555 0100', '+12125550100 national'],
    ['US', '011 32 2 555 01 00', '+3225550100 international'],
    ['US', '1 900 555 0100', '+19005550100 premium'],
    ['US', '1 876 555 0100', '+18765550100 international'],
    ['US', '1 416 555 0100', '+14165550100 international'],
    ['CA', '416 555 0100', '+14165550100 national'],
    ['CA', '212 555 0100', '+12125550100 international'],
    ['US', '411', '411 short'],
    ['IT', '06 1234567', '+39061234567 national'],
    ['XX', '0123456', '0123456 text'],
    ['XX', '+3225550100', '+3225550100 international'],
  ])('%s %s', (country, dialled, expected) => {
    expect(read(dialled, country)).toBe(expected)
  })

  it('premium numbers abroad are premium, satellites too', () => {
    expect(read('+44 909 879 0000', 'BE')).toBe('+449098790000 premium')
    expect(read('00 881 612345678', 'BE')).toBe('+881612345678 premium')
    expect(read('+979 123456789', 'BE')).toBe('+979123456789 premium')
  })

  it('small letters are a country too, and there are tables for where we sell', () => {
    expect(read('02 555 01 00', 'be')).toBe('+3225550100 national')
    for (const country of ['BE', 'FR', 'NL', 'LU', 'DE', 'GB', 'CH', 'US']) expect(hasCountryTable(country)).toBe(true)
    expect(hasCountryTable('XX')).toBe(false)
  })
})

describe('T17: short and service codes never become E.164', () => {
  it.each([
    ['BE', '112'],
    ['BE', '1700'],
    ['BE', '116000'],
    ['BE', '+32112'],
    ['BE', '+32116117'],
    ['BE', '0032112'],
    ['FR', '3615'],
    ['FR', '+33116000'],
    ['NL', '144'],
    ['DE', '116117'],
    ['GB', '111'],
    ['CH', '143'],
    ['LU', '12321'],
    ['US', '988'],
  ])('%s %s', (country, dialled) => {
    expect(readNumber(dialled, country).e164).toBeNull()
  })

  it.each([
    ['BE', ['112', '100', '101']],
    ['FR', ['112', '15', '17', '18', '114']],
    ['NL', ['112']],
    ['LU', ['112', '113']],
    ['DE', ['112', '110']],
    ['GB', ['112', '999']],
    ['CH', ['112', '117', '118', '144']],
    ['US', ['911', '112']],
  ])('emergency numbers of %s', (country, numbers) => {
    for (const number of numbers) {
      expect(readNumber(number, country).kind, number).toBe('emergency')
      expect(isEmergencyNumber(number, country)).toBe(true)
    }
    expect(isEmergencyNumber('1001', country)).toBe(false)
  })

  it('with a calling code in front they are still what they are', () => {
    expect(readNumber('+32112', 'BE')).toEqual({ text: '112', e164: null, kind: 'emergency' })
    expect(emergencyWithCountryPrefix('112', 'BE')).toBe('+32112')
    expect(read('+3225550112', 'BE')).toBe('+3225550112 national')
  })
})

describe('T17: text survives', () => {
  it.each(['anonymous', 'alice', 'Alice.Smith', 'conf-12', '*97', '*21*1002#', '', '+', '+0', 'é'])('%s', (text) => {
    expect(readNumber(text, 'BE')).toEqual({ text, e164: null, kind: 'text' })
  })

  it('anonymous has many names', () => {
    for (const user of ['', 'anonymous', 'Anonymous', 'restricted', 'unavailable', 'Private']) {
      expect(isAnonymousUser(user), user).toBe(true)
    }
    expect(isAnonymousUser('anonymous2')).toBe(false)
  })
})

describe('URIs', () => {
  it.each([
    ['sip:1001@pbx.example.com', '1001'],
    ['sips:1001@pbx', '1001'],
    ['sip:1001:secret@pbx', '1001'],
    ['<sip:+3225550100@carrier;user=phone>', '+3225550100'],
    ['"Alice \\"A\\"" <sip:1001@pbx>;tag=1', '1001'],
    ['"A <b>" <sip:1001@pbx>', '1001'],
    ['sip:pbx.example.com', ''],
    ['sip:1002@pbx?Replaces=a@b', '1002'],
    ['tel:+32-2-555-01-00', '+32-2-555-01-00'],
    ['tel:5550100;phone-context=+322', '+3225550100'],
    ['tel:025550100;phone-context=+32', '+3225550100'],
    ['tel:1001;phone-context=example.com', '1001'],
    ['sip:025550100;phone-context=+32@carrier;user=phone', '+3225550100'],
    ['sip:%2B3225550100@pbx', '+3225550100'],
    ['sip:*21%23@pbx', '*21#'],
    ['sip:1002@pbx?Replaces=a%40b', '1002'],
    ['+3225550100', '+3225550100'],
  ])('%s', (uri, number) => {
    expect(numberOfUri(uri)).toBe(number)
  })
})

describe('T15: the form that a trunk wants', () => {
  it.each([
    ['+3225550100', 'plus_e164', '+3225550100'],
    ['+3225550100', '00', '003225550100'],
    ['+3225550100', 'national', '025550100'],
    ['+33140000000', 'national', '0033140000000'],
    ['1700', 'plus_e164', '1700'],
    ['112', '00', '112'],
    ['alice', 'national', 'alice'],
  ] as const)('%s as %s', (number, form, expected) => {
    expect(formatNumber(readNumber(number, 'BE'), form, 'BE')).toBe(expected)
  })

  it.each([
    ['3225550100', 'plus_e164', '+3225550100'],
    ['+3225550100', 'plus_e164', '+3225550100'],
    ['025550100', 'plus_e164', '+3225550100'],
    ['003225550100', '00', '+3225550100'],
    ['025550100', 'national', '+3225550100'],
    ['1001', 'plus_e164', null],
    ['anonymous', 'plus_e164', null],
  ] as const)('reads %s as %s', (sent, form, expected) => {
    expect(readTrunkNumber(sent, form, 'BE').e164).toBe(expected)
  })
})
