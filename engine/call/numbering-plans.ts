/**
 * Numbering plans of the countries that accounts live in, as small tables: enough to write a dialled number in E.164 and
 * to say what kind of number it is. Not a validator: a number of an impossible length is only kept as text when it
 * cannot be told from a service code. Sources: the national plans as published by the ITU and the regulators.
 *
 * Patterns of `mobile`, `premium` and `tollFree` are beginnings of the national significant number (without the trunk
 * prefix); those of `emergency` and `short` are whole numbers as dialled.
 */
export interface NumberingPlan {
  readonly callingCode: string
  /** Dialled before a national number inside the country; '' where there is none. */
  readonly trunkPrefix: string
  readonly internationalPrefixes: readonly string[]
  readonly emergency: readonly string[]
  /** Numbers that exist only inside the country, and never get a calling code (T17). */
  readonly short: RegExp
  readonly premiumShort: RegExp | null
  readonly mobile: RegExp | null
  readonly premium: RegExp
  readonly tollFree: RegExp
  /** Digits of a national significant number. */
  readonly minDigits: number
  readonly maxDigits: number
}

const plan = (
  callingCode: string,
  lengths: readonly [number, number],
  rest: Partial<NumberingPlan> & Pick<NumberingPlan, 'emergency' | 'premium'>,
): NumberingPlan => ({
  callingCode,
  trunkPrefix: '0',
  internationalPrefixes: ['00'],
  short: /^(1\d{2,5})$/,
  premiumShort: null,
  mobile: null,
  tollFree: /^800/,
  minDigits: lengths[0],
  maxDigits: lengths[1],
  ...rest,
})

const northAmerica = (emergency: readonly string[]) =>
  plan('1', [10, 10], {
    trunkPrefix: '1',
    internationalPrefixes: ['011'],
    emergency,
    short: /^([2-8]11|988)$/,
    premium: /^(900|[2-9]\d\d976)/,
    tollFree: /^8(00|33|44|55|66|77|88)/,
  })

export const numberingPlans: Readonly<Record<string, NumberingPlan>> = {
  AT: plan('43', [4, 13], {
    emergency: ['112', '122', '133', '144', '128', '140'],
    mobile: /^6(5[0-3579]|6|7|8[0-9]|9)/,
    premium: /^9(00|01|30|31|39)/,
    premiumShort: /^118\d{3}$/,
  }),
  BE: plan('32', [8, 9], {
    emergency: ['112', '100', '101'],
    short: /^(1\d{2,3}|116\d{3})$/,
    premiumShort: /^1[234]\d{2}$/,
    mobile: /^4[5-9]\d{7}$/,
    premium: /^(90|70)/,
  }),
  CA: northAmerica(['911', '112']),
  CH: plan('41', [9, 9], {
    emergency: ['112', '117', '118', '144', '145', '1414', '1415'],
    short: /^(1\d{2,3}|116\d{3}|18\d{2})$/,
    premiumShort: /^18\d{2}$/,
    mobile: /^7[4-9]/,
    premium: /^90/,
  }),
  DE: plan('49', [3, 13], {
    emergency: ['112', '110'],
    short: /^(11[3-7]|116\d{3}|118\d{2,3})$/,
    premiumShort: /^118\d{2,3}$/,
    mobile: /^1[567]\d/,
    premium: /^(900|190|137)/,
  }),
  ES: plan('34', [9, 9], {
    trunkPrefix: '',
    emergency: ['112', '061', '062', '080', '085', '088', '091', '092'],
    short: /^(0\d{2}|1\d{2,4}|116\d{3}|118\d{2})$/,
    premiumShort: /^118\d{2}$/,
    mobile: /^(6|7[1-4])/,
    premium: /^80[367]|^905/,
    tollFree: /^[89]00/,
  }),
  FR: plan('33', [9, 9], {
    emergency: ['112', '15', '17', '18', '114', '115', '119', '191', '196', '197'],
    short: /^(1\d{2}|10\d{2}|3\d{3}|116\d{3}|118\d{3})$/,
    premiumShort: /^(118\d{3}|32\d{2})$/,
    mobile: /^[67]/,
    premium: /^8(2|9)/,
    tollFree: /^80/,
  }),
  GB: plan('44', [9, 10], {
    emergency: ['112', '999', '18000'],
    short: /^(1\d{2}|116\d{3}|118\d{3})$/,
    premiumShort: /^118\d{3}$/,
    mobile: /^7[1-57-9]/,
    premium: /^(9|87|70)/,
    tollFree: /^80/,
  }),
  IE: plan('353', [7, 9], {
    emergency: ['112', '999'],
    short: /^(1\d{2,4}|116\d{3})$/,
    premiumShort: /^118\d{2}$/,
    mobile: /^8[35-9]/,
    premium: /^15[1-9]/,
    tollFree: /^1800/,
    minDigits: 7,
    maxDigits: 10,
  }),
  IT: plan('39', [6, 11], {
    trunkPrefix: '',
    emergency: ['112', '113', '115', '118', '1530'],
    short: /^(1\d{2,4}|116\d{3}|12\d{2}|4[0-9]\d{3})$/,
    premiumShort: /^(12\d{2}|4[0-9]\d{3})$/,
    mobile: /^3/,
    premium: /^(89|19[02]|16[46])/,
    tollFree: /^80[03]/,
  }),
  LU: plan('352', [4, 11], {
    trunkPrefix: '',
    emergency: ['112', '113'],
    short: /^(1\d{2,4}|116\d{3})$/,
    premiumShort: /^118\d{2}$/,
    mobile: /^6[269]\d{7}$/,
    premium: /^90[015]/,
  }),
  NL: plan('31', [9, 10], {
    emergency: ['112'],
    short: /^(1\d{2,3}|116\d{3}|14\d{3,4}|18\d{2})$/,
    premiumShort: /^18\d{2}$/,
    mobile: /^6[1-5]/,
    premium: /^90/,
    minDigits: 7,
  }),
  PT: plan('351', [9, 9], {
    trunkPrefix: '',
    emergency: ['112', '115', '117'],
    short: /^(1\d{2,4}|116\d{3})$/,
    premiumShort: /^18\d{2}$/,
    mobile: /^9[1-36]/,
    premium: /^(6[0-4]|76)/,
  }),
  US: northAmerica(['911', '112']),
}

/** Where an account's country has no table: what most of the world has in common. */
export const defaultPlan: NumberingPlan = plan('', [5, 14], {
  emergency: ['112', '911'],
  premium: /^90[0-9]/,
  short: /^(1\d{2,3}|116\d{3})$/,
})

/** Area codes that share +1 and are abroad for the United States and Canada, dear for both. */
export const caribbeanAreaCodes =
  /^(242|246|264|268|284|340|345|441|473|649|658|664|670|671|684|721|758|767|784|787|809|829|849|868|869|876|939)/
export const canadianAreaCodes =
  /^(204|226|236|249|250|257|263|289|306|343|354|365|367|368|382|387|403|416|418|428|431|437|438|450|460|468|474|506|514|519|548|579|581|584|587|600|604|613|639|647|672|683|705|709|742|753|778|780|782|807|819|825|867|873|879|902|905|942)/

/** International numbers that cost like premium ones: satellites, shared-cost and premium of the ITU, global services. */
export const premiumInternational = /^(870|871|872|873|874|878|881|882|883|979|808)/
