import { readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { FakeLapi } from '../../src/testing/index.js'
import { Project } from './documented-app.js'

const EXAMPLES = resolve(import.meta.dirname, '../../examples')

/** The file, and what a visitor who is let in gets. */
const APPS = [
  ['express.mjs', 'hello, allow'],
  ['koa.mjs', 'hello, allow'],
  ['fastify.mjs', 'hello, allow'],
  ['hono.mjs', 'hello, allow'],
  ['http.mjs', 'hello, allow'],
  ['connect.mjs', 'hello, allow'],
  ['nestjs.mjs', 'Cannot GET /'], // it has no controller
] as const

let project: Project
let lapi: FakeLapi

beforeAll(async () => {
  const frameworks = [
    '@hono/node-server',
    '@nestjs/core',
    'connect',
    'express',
    'fastify',
    'hono',
    'koa',
    'reflect-metadata',
  ]
  project = await Project.create(frameworks)
  lapi = await FakeLapi.start()
  lapi.add({ value: '203.0.113.7', duration: '4h', scenario: 'ssh-bf' })
})

afterAll(async () => {
  await lapi.stop()
  await project.remove()
})

it('every example is run: these here, own-source.mjs by readme.test.ts', async () => {
  const files = (await readdir(EXAMPLES)).filter((file) => file.endsWith('.mjs'))
  expect(files.toSorted()).toEqual([...APPS.map(([file]) => file), 'own-source.mjs'].toSorted())
})

it.each(APPS)('%s protects an app behind a proxy', async (file, hello) => {
  const text = await readFile(join(EXAMPLES, file), 'utf8')
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('//'))
  expect(lines.length).toBeLessThanOrEqual(10)
  const app = await project.runApp(file, text, lapi)
  try {
    const statusFor = async (forwarded: string) => {
      const answer = await fetch(app.url, { headers: { 'x-forwarded-for': forwarded } })
      return [answer.status, await answer.text()]
    }
    await expect.poll(() => statusFor('203.0.113.7')).toEqual([403, expect.stringContaining('Access denied')])
    expect(await statusFor('9.9.9.9, 203.0.113.7')).toEqual([403, expect.stringContaining('Access denied')])
    expect((await statusFor('203.0.113.7, 9.9.9.9'))[1]).toContain(hello)
  } finally {
    await app.stop()
  }
})
