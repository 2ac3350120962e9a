import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './tests/support/longest-first.js';

export default defineConfig({
  resolve: {
    alias: [
      {
        find: /^@canh\/(core|adapters|contract|runtime)\/(.+)$/,
        replacement: `${import.meta.dirname}/libs/$1/src/$2.ts`,
      },
      { find: /^@canh\/simulators\/(.+)$/, replacement: `${import.meta.dirname}/simulators/src/$1.ts` },
    ],
  },
  test: {
    // Most files wait more than they compute. By itself Vitest leaves one core free: on two of them it runs one file after the other.
    maxWorkers: Math.max(2, availableParallelism()),
    sequence: { sequencer: LongestFirst },
    reporters: ['default', './tests/support/closing-line.ts'],
    // The timeouts are backstops for a slow machine on which everything runs at once: what a test waits for, it bounds itself and says so.
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            'libs/*/src/**/*.spec.ts',
            'apps/*/src/**/*.spec.ts',
            'apps/console/web/src/**/*.spec.ts',
            'simulators/src/**/*.spec.ts',
          ],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: { name: 'integration', include: ['tests/**/*.spec.ts'], testTimeout: 180_000, hookTimeout: 180_000 },
      },
    ],
  },
});
