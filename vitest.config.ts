import { defineConfig } from 'vitest/config'

// What puts back whatever it changes in its process: time zone, timers, listeners.
const shared = ['capi', 'config', 'decisions', 'geo', 'json', 'lapi', 'net', 'remediation', 'signals'].map(
  (room) => `test/${room}/**/*.test.ts`,
)

const unit = {
  testTimeout: 20_000,
  expect: { poll: { timeout: 10_000 } }, // what is waited for comes later on a busy machine
}

// `npm test` runs the first two, offline. `unit-shared`: files that share a process, which saves its start and the imports for each.
// `real` needs real peers and installs them itself.
export default defineConfig({
  test: {
    reporters: ['default', './test/every-test-ran.ts'],
    maxWorkers: 3, // many tests wait for processes and sockets, so that one more than two cores pays
    projects: [
      {
        test: {
          ...unit,
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/real/**', ...shared, '**/node_modules/**'],
        },
      },
      { test: { ...unit, name: 'unit-shared', include: shared, isolate: false } },
      {
        test: {
          name: 'real',
          include: ['test/real/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          expect: { poll: { timeout: 10_000 } },
          fileParallelism: false,
        },
      },
    ],
  },
})
