import { defineConfig } from 'vitest/config'

// Two projects: `unit` is what `npm test` runs, offline; `real` needs real peers and installs them itself.
export default defineConfig({
  test: {
    reporters: ['default', './test/every-test-ran.ts'],
    maxWorkers: 3, // many tests wait for processes and sockets, so that one more than two cores pays
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/real/**', '**/node_modules/**'],
          testTimeout: 20_000,
          expect: { poll: { timeout: 10_000 } }, // what is waited for comes later on a busy machine
        },
      },
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
