/**
 * Where tiles go: pure geometry, used to place them and to tell the server how large each is shown.
 */

export interface Size {
  readonly width: number
  readonly height: number
}

export interface Box extends Size {
  readonly left: number
  readonly top: number
}

const gap = 8
/** A tile is between upright and wide; pictures fill it. */
const narrowest = 9 / 16
const widest = 16 / 9

/** The number of columns that gives the largest tiles; the last row is centred. */
export function gridOf(count: number, area: Size): Box[] {
  if (count === 0 || area.width <= 0 || area.height <= 0) return []
  let best = { columns: 1, width: 0, height: 0 }
  for (let columns = 1; columns <= count; columns++) {
    const tile = tileIn(area, columns, Math.ceil(count / columns))
    if (tile.width * tile.height > best.width * best.height) best = { columns, ...tile }
  }
  const rows = Math.ceil(count / best.columns)
  const top = (area.height - rows * best.height - (rows - 1) * gap) / 2
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / best.columns)
    const inRow = row === rows - 1 ? count - row * best.columns : best.columns
    const left = (area.width - inRow * best.width - (inRow - 1) * gap) / 2
    return {
      left: Math.round(left + (index % best.columns) * (best.width + gap)),
      top: Math.round(top + row * (best.height + gap)),
      width: Math.floor(best.width),
      height: Math.floor(best.height),
    }
  })
}

function tileIn(area: Size, columns: number, rows: number): Size {
  const width = (area.width - (columns - 1) * gap) / columns
  const height = (area.height - (rows - 1) * gap) / rows
  if (width <= 0 || height <= 0) return { width: 0, height: 0 }
  if (width / height > widest) return { width: height * widest, height }
  if (width / height < narrowest) return { width, height: width / narrowest }
  return { width, height }
}

const stripLength = 5

export interface Stage {
  readonly main: readonly Box[]
  readonly strip: readonly Box[]
}

/** How many small tiles stand beside something large: fewer on an upright area, where my own stands in their row. */
export const stripLengthIn = (area: Size): number => (area.width > area.height ? stripLength : 2)

/**
 * Large things beside a strip of small ones: to their right on a wide area, below them on an upright one. The last
 * place of the strip is left to my own tile.
 */
export function stageOf(mainCount: number, stripCount: number, area: Size): Stage {
  const seats = stripLengthIn(area)
  const shown = Math.min(stripCount, seats)
  if (area.width > area.height) {
    const height = Math.floor(Math.min(124, (area.height - seats * gap) / (seats + 1)))
    const width = Math.round((height * 16) / 9)
    const main = gridOf(mainCount, { width: area.width - width - gap, height: area.height })
    const strip = Array.from({ length: shown }, (_, index) => {
      return { left: area.width - width, top: index * (height + gap), width, height }
    })
    return { main, strip }
  }
  const width = Math.floor((area.width - seats * gap) / (seats + 1))
  const height = Math.round(width * 0.75)
  const main = gridOf(mainCount, { width: area.width, height: area.height - height - gap })
  const strip = Array.from({ length: shown }, (_, index) => {
    return { left: index * (width + gap), top: area.height - height, width, height }
  })
  return { main, strip }
}
