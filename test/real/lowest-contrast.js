/**
 * Runs in the browser, on a page. WCAG 2.1: the lowest contrast of a text to what is behind it, over the whole page, from the
 * computed colours.
 */
function lowestContrast() {
  const channels = (color) => (color.match(/[\d.]+/g) ?? []).map(Number)

  const luminance = (color) => {
    const [red, green, blue] = channels(color).map((value) =>
      value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4,
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }

  const backgroundOf = (element) => {
    if (element === null) return 'rgb(255, 255, 255)'
    const { backgroundColor } = getComputedStyle(element)
    return channels(backgroundColor)[3] === 0 ? backgroundOf(element.parentElement) : backgroundColor
  }

  const texts = [...document.querySelectorAll('body *')].filter((element) =>
    [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim() !== ''),
  )
  if (texts.length === 0) throw new Error('there is no text on the page')
  const contrasts = texts.map((element) => {
    const text = luminance(getComputedStyle(element).color)
    const background = luminance(backgroundOf(element))
    return (Math.max(text, background) + 0.05) / (Math.min(text, background) + 0.05)
  })
  return Math.min(...contrasts)
}

lowestContrast()
