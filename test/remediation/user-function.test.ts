import { describe, expect, it, test } from 'vitest'
import { atOnce, readSubjects } from '../../src/remediation/user-function.js'

describe('what identify returns', () => {
  class Session {
    username = 'bob'
    get secret(): string {
      return 'not looked at'
    }
  }
  test.each<[string, unknown, Record<string, string> | undefined, string[]]>([
    ['nothing', undefined, undefined, []],
    ['null', null, undefined, []],
    ['texts', { username: 'bob', AS: '64500' }, { username: 'bob', AS: '64500' }, []],
    ['what is unknown', { username: 'bob', Country: undefined, AS: null }, { username: 'bob' }, []],
    ['an object of a class', new Session(), { username: 'bob' }, []],
    ['a number among texts', { username: 'bob', AS: 64500 }, { username: 'bob' }, ['a number as AS']],
    [
      'garbage among texts',
      { a: {}, b: ['x'], c: true, d: 'x' },
      { d: 'x' },
      ['a object as a', 'a object as b', 'a boolean as c'],
    ],
    ['a text', 'bob', undefined, ['a string']],
    ['a number', 7, undefined, ['a number']],
    ['a list', ['bob'], undefined, ['a list']],
    ['an empty object', {}, {}, []],
  ])('%s', (_name, value, subjects, garbage) => {
    const told: string[] = []
    expect(readSubjects(value, (what) => told.push(what))).toEqual(subjects)
    expect(told).toEqual(garbage)
  })
})

describe('an answer at once', () => {
  it.each([[undefined], [null], [0], ['text'], [{}], [() => {}]])('%j is one', (value) => {
    expect(atOnce(value)).toBe(value)
  })

  it('a promise is none, and its rejection does not end the process', async () => {
    expect(() => atOnce(Promise.resolve(true))).toThrow('expected an answer at once, got a promise')
    expect(() => atOnce(Promise.reject(new Error('unheard')))).toThrow('expected an answer at once, got a promise')
    await new Promise(setImmediate) // an unhandled rejection would fail this run
  })
})
