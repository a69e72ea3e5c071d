/** The SQLite file of a real engine, reached beside it with Debian's `sqlite3`: for bulk seeding and for moving time. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { type AddressInterval, parseAddressInterval } from '../../src/testing/address-interval.js'
import { parseGoDuration } from '../../src/testing/go-duration.js'
import type { NewDecision } from '../../src/testing/index.js'
import { debianProgram } from './debian-program.js'

/** Go's largest int64: the engine subtracts it from unsigned numbers to store them as signed ones. */
const maxInt64 = 2n ** 63n - 1n
const rowsPerInsert = 500
const columns =
  'created_at, updated_at, until, scenario, type, start_ip, end_ip, start_suffix, end_suffix, ip_size, scope, value, origin, simulated, alert_decisions'

export class EngineDatabase {
  readonly #file: string

  constructor(file: string) {
    this.#file = file
  }

  /** Runs statements while the engine runs (WAL) and returns what `sqlite3` printed. */
  async sql(statements: string | Iterable<string>): Promise<string> {
    const { path, env } = await debianProgram({
      package: 'sqlite3',
      file: 'usr/bin/sqlite3',
      probe: ['-version'],
      libraries: ['libsqlite3-0', 'libreadline8', 'libtinfo6', 'zlib1g'],
    })
    const child = spawn(path, ['-bail', '-cmd', '.timeout 10000', this.#file], { env })
    const script = typeof statements === 'string' ? [statements] : statements
    const [output, problem, [status]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
      // A statement that fails ends sqlite3 before it has read everything; its own words are the better error.
      pipeline(Readable.from(script), child.stdin).catch(() => {}),
    ])
    if (status !== 0) throw new Error(`sqlite3 ended with ${status}: ${problem}`)
    return output
  }

  /** Inserts decisions under one alert, 100,000 in about a second. They show up in the next delta. */
  async bulk(count: number, make: (index: number) => NewDecision): Promise<void> {
    await this.sql(bulkInsert(count, make, Date.now()))
  }

  /** Makes everything so much older: the same as waiting. */
  async age(ms: number): Promise<void> {
    const older = (column: string) =>
      `${column} = strftime('%Y-%m-%d %H:%M:%f+00:00', ${column}, '-${ms / 1000} seconds')`
    await this.sql(`BEGIN IMMEDIATE;
      UPDATE decisions SET ${older('created_at')}, ${older('until')};
      UPDATE bouncers SET ${older('last_pull')};
      COMMIT;`)
  }
}

function* bulkInsert(count: number, make: (index: number) => NewDecision, now: number): Generator<string> {
  const created = quoted(sqlTime(now))
  yield 'BEGIN IMMEDIATE;\n'
  yield `INSERT INTO alerts (created_at, updated_at, scenario, started_at, stopped_at) VALUES (${created}, ${created}, 'bulk', ${created}, ${created});\n`
  yield 'CREATE TEMP TABLE parent AS SELECT last_insert_rowid() AS id;\n'
  for (let start = 0; start < count; start += rowsPerInsert) {
    const length = Math.min(rowsPerInsert, count - start)
    const rows = Array.from({ length }, (_, offset) => rowValues(make(start + offset), now))
    yield `INSERT INTO decisions (${columns}) VALUES ${rows.join(',')};\n`
  }
  yield 'COMMIT;\n'
}

function rowValues(decision: NewDecision, now: number): string {
  const scope = decision.scope ?? 'Ip'
  const lasts = typeof decision.duration === 'number' ? decision.duration : parseGoDuration(decision.duration)
  const created = sqlTime(now)
  const texts = [created, created, sqlTime(now + lasts), decision.scenario ?? 'manual', decision.type ?? 'ban']
  const interval = /^(Ip|Range)$/.test(scope) ? parseAddressInterval(decision.value) : null
  const place = [scope, decision.value, decision.origin ?? 'cscli'].map(quoted)
  const numbers = interval ? stored(interval).join(',') : 'NULL,NULL,NULL,NULL,NULL'
  return `(${texts.map(quoted).join(',')},${numbers},${place.join(',')},${decision.simulated ? 1 : 0},(SELECT id FROM parent))`
}

/** start_ip, end_ip, start_suffix, end_suffix, ip_size. */
function stored({ family, first, last }: AddressInterval): readonly bigint[] {
  if (family === 4) return [first - maxInt64, last - maxInt64, -maxInt64, -maxInt64, 4n]
  const high = (number: bigint) => (number >> 64n) - maxInt64
  const low = (number: bigint) => (number & (2n ** 64n - 1n)) - maxInt64
  const clamp = (number: bigint) => (number > maxInt64 ? maxInt64 : number)
  return [high(first), high(last), low(first), low(last)].map(clamp).concat(16n)
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}

function sqlTime(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').replace('Z', '+00:00')
}
