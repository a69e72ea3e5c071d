/** Horizontal bar charts as SVG, readable on a light and on a dark page. */

import { numberText } from './text.mjs'

const WIDTH = 760
const LABEL_WIDTH = 250
const VALUE_WIDTH = 90
const ROW_HEIGHT = 26
const TOP = 44

/** Beyond this quotient between the longest and the shortest bar the scale is logarithmic, and says so. */
const MOST_LINEAR = 50

/** `bars`: `{ label, value, isOurs }`; ours stand out. Shorter is better. */
export function barChart(title, unit, bars) {
  const values = bars.map(({ value }) => value)
  const longest = Math.max(...values)
  const shortest = Math.min(...values)
  const isLogarithmic = shortest > 0 && longest / shortest > MOST_LINEAR
  const floor = shortest / 2
  const part = (value) => (isLogarithmic ? Math.log(value / floor) / Math.log(longest / floor) : value / longest)
  const room = WIDTH - LABEL_WIDTH - VALUE_WIDTH
  const rows = bars.map(({ label, value, isOurs }, i) => {
    const y = TOP + i * ROW_HEIGHT
    const width = Math.max(1, part(value) * room)
    return [
      `<text x="${LABEL_WIDTH - 8}" y="${y + 14}" text-anchor="end">${escapeXml(label)}</text>`,
      `<rect x="${LABEL_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="18" rx="2" class="${isOurs ? 'ours' : 'other'}"/>`,
      `<text x="${(LABEL_WIDTH + width + 6).toFixed(1)}" y="${y + 14}">${numberText(value)}</text>`,
    ].join('')
  })
  const scale = isLogarithmic ? ', logarithmic scale' : ''
  const height = TOP + bars.length * ROW_HEIGHT + 8
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeXml(title)}">`,
    '<style>text{font:13px system-ui,sans-serif;fill:#57606a}.title{font-weight:600}.ours{fill:#2da44e}.other{fill:#8c959f}',
    '@media(prefers-color-scheme:dark){text{fill:#9ea7b3}}</style>',
    `<text x="8" y="22" class="title">${escapeXml(`${title} (${unit}${scale}; shorter is better)`)}</text>`,
    ...rows,
    '</svg>',
    '',
  ].join('\n')
}

function escapeXml(text) {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
