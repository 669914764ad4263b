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

export const gap = 8
/** A tile is between upright and wide; pictures fill it. */
const narrowest = 3 / 4
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

export const stripLength = 5

export interface Stage {
  readonly main: readonly Box[]
  readonly strip: readonly Box[]
}

/** Large things beside a strip of small ones: below on a wide area, above them on an upright one. */
export function stageOf(mainCount: number, stripCount: number, area: Size): Stage {
  const shown = Math.min(stripCount, stripLength)
  if (shown === 0) return { main: gridOf(mainCount, area), strip: [] }
  const isWide = area.width > area.height
  if (isWide) {
    const width = Math.min(220, Math.round(area.width / 5))
    const height = Math.min(Math.round((width * 9) / 16), Math.floor((area.height - (shown - 1) * gap) / shown))
    const main = gridOf(mainCount, { width: area.width - width - gap, height: area.height })
    const top = Math.round((area.height - shown * height - (shown - 1) * gap) / 2)
    const strip = Array.from({ length: shown }, (_, index) => {
      return { left: area.width - width, top: top + index * (height + gap), width, height }
    })
    return { main, strip }
  }
  const width = Math.floor(Math.min(132, (area.width - (shown - 1) * gap) / shown))
  const height = Math.round(width * 0.75)
  const main = gridOf(mainCount, { width: area.width, height: area.height - height - gap })
  const left = Math.round((area.width - shown * width - (shown - 1) * gap) / 2)
  const strip = Array.from({ length: shown }, (_, index) => {
    return { left: left + index * (width + gap), top: area.height - height, width, height }
  })
  return { main, strip }
}
