import assert from 'node:assert';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SessionStore, type SessionLimits } from '@canh/adapters/mqtt-sessions/session-store';
import { systemClock } from '@canh/runtime/system-clock';

interface AbstractTest {
  readonly assert: typeof assert;
  plan(count: number): void;
  diagnostic(text: string): void;
}
type AbstractSuite = (options: {
  readonly test: (name: string, story: (test: AbstractTest) => Promise<void>) => void;
  readonly persistence: () => unknown;
  readonly testAsync: true;
}) => void;

/** Of the version that this Aedes brings. */
const abstractSuite = createRequire(import.meta.resolve('aedes'))('aedes-persistence/abstract.js') as AbstractSuite;
const PLENTY: SessionLimits = {
  queueMessages: 10_000,
  queueBytes: 10_000_000,
  sessionsPerDevice: 10,
  idleMs: 1_000,
  retainedTopics: 10,
};

describe('sessions on disk, as Aedes itself tests a persistence', () => {
  const folder = mkdtempSync(join(tmpdir(), 'canh-sessions-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  abstractSuite({
    testAsync: true,
    persistence: () =>
      SessionStore.open({
        file: join(folder, randomUUID()),
        limits: PLENTY,
        clock: systemClock,
        standingOf: () => '',
        keeps: () => true,
        unkeptTopic: 'received',
        dropped: (reason) => assert.fail(reason),
      }),
    test: (name, story) =>
      it(`keep the promise: ${name}`, async () => {
        let planned: number | null = null;
        let made = 0;
        const counted = new Proxy(assert, {
          get:
            (target, method) =>
            (...values: unknown[]) => {
              made += 1;
              (target as unknown as Record<PropertyKey, (...given: unknown[]) => void>)[method]!(...values);
            },
        });
        await story({ assert: counted, plan: (count) => (planned = count), diagnostic: () => undefined });
        if (planned !== null) expect(made).toBe(planned);
      }),
  });
});
