/** The page that a banned visitor sees, in a real browser. The screenshots are left in `.cache/screenshots/`. */

import { once } from 'node:events'
import { mkdir, readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import express from 'express'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { crowdsec } from '../../middleware/express.js'
import { decision, listSource } from '../source-of-decisions.js'
import { type Chromium, openChromium } from './chromium.js'

const LOWEST_CONTRAST = await readFile(new URL('./lowest-contrast.js', import.meta.url), 'utf8')
const SCREENSHOTS = fileURLToPath(new URL('../../.cache/screenshots/', import.meta.url))

let browser: Chromium
let origin: string
const arrived: string[] = []
const cleanups: (() => unknown)[] = []

beforeAll(async () => {
  const app = express()
  app.use((req, _res, next) => {
    arrived.push(req.url)
    next()
  })
  const handler = crowdsec({ sources: [listSource([decision({ value: '127.0.0.1' })])] })
  await handler.bouncer.start()
  app.use(handler)
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  browser = await openChromium()
  await mkdir(SCREENSHOTS, { recursive: true })
  cleanups.push(
    () => browser.close(),
    () => handler.bouncer.stop(),
    () => server.close(),
    () => server.closeAllConnections(),
  )
})

afterAll(async () => {
  for (const cleanup of cleanups) await cleanup()
})

async function open(colorScheme: 'light' | 'dark', width: number): Promise<Page> {
  const page = await browser.context.newPage()
  await page.emulateMedia({ colorScheme })
  await page.setViewportSize({ width, height: 640 })
  const response = await page.goto(origin, { waitUntil: 'networkidle' })
  expect(response?.status()).toBe(403)
  return page
}

describe.each(['light', 'dark'] as const)('%s', (scheme) => {
  test.each([320, 1280])('%i px wide: readable, and nothing stands out of the window', async (width) => {
    const page = await open(scheme, width)
    expect(await page.evaluate<number>(LOWEST_CONTRAST)).toBeGreaterThanOrEqual(4.5)
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
    const background = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
    const [red = 0] = (background.match(/\d+/g) ?? []).map(Number)
    expect(red > 127).toBe(scheme === 'light')
    await page.screenshot({ path: `${SCREENSHOTS}ban-page-${scheme}-${width}.png` })
    await page.close()
  })
})

it('can be found one’s way about in: language, title, one landmark, one heading', async () => {
  const page = await open('light', 800)
  expect(await page.title()).toBe('Access denied')
  expect(await page.locator('html').getAttribute('lang')).toBe('en')
  expect(await page.getByRole('main').count()).toBe(1)
  expect(await page.getByRole('heading', { level: 1 }).allInnerTexts()).toEqual(['Access denied'])
  expect(await page.getByRole('img').count()).toBe(0)
  await page.close()
})

it('asks for nothing but itself, not even an icon, and runs nothing', async () => {
  arrived.length = 0
  const page = await browser.context.newPage()
  const asked: string[] = []
  page.on('request', (request) => asked.push(request.url()))
  await page.goto(origin, { waitUntil: 'networkidle' })
  expect(asked.filter((url) => !url.startsWith('data:'))).toEqual([`${origin}/`])
  expect(arrived).toEqual(['/'])
  expect(await page.evaluate('document.scripts.length')).toBe(0)
  await page.close()
})
