import { expect, test } from 'vitest'
import { ReadRequest } from '../../src/signals/hits/blocked-request.js'
import { REQUEST_CONTEXT } from '../../src/signals/hits/request-context.js'

interface Request {
  readonly path: string
  readonly query?: string
  readonly agent?: string | readonly string[]
}

test.each<[string, Request, path: string, query: string | undefined, agent: string | undefined]>([
  ['nothing but a path', { path: '/a' }, '/a', undefined, undefined],
  ['a query within the path', { path: '/a?b=1?c', agent: 'bot/1' }, '/a', 'b=1?c', 'bot/1'],
  ['a query beside the path', { path: '/a', query: 'b=1' }, '/a', 'b=1', undefined],
  ['an empty query', { path: '/a?' }, '/a', '', undefined],
  ['a fragment, which no browser sends', { path: '/a#secret' }, '/a', undefined, undefined],
  ['a header that came twice', { path: '/', agent: ['bot/1', 'bot/2'] }, '/', undefined, 'bot/1, bot/2'],
])('of a request with %s', (_, request, path, query, agent) => {
  const reader = {
    header: ({ agent }: Request, name: string) => (name === 'user-agent' ? agent : undefined),
    method: () => 'GET',
    path: ({ path }: Request) => path,
    query: ({ query }: Request) => query,
  }
  const read = new ReadRequest(reader, request, 403)
  expect(Object.fromEntries(REQUEST_CONTEXT.map((name) => [name, read.read(name)]))).toEqual({
    method: 'GET', path, user_agent: agent, status: '403', host: undefined, query, cookies: undefined,
  }) // biome-ignore format: one line
})
