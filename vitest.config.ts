import { defineConfig } from 'vitest/config';

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
    reporters: ['default', './tests/support/closing-line.ts'],
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
        },
      },
      {
        extends: true,
        test: { name: 'integration', include: ['tests/**/*.spec.ts'], testTimeout: 60_000, hookTimeout: 60_000 },
      },
    ],
  },
});
