import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installed } from '../support/servers/series-server.js';
import { steadyPort } from '../support/steady-port.js';
import { ConformanceDoors } from './conformance-doors.js';
import { MOSQUITTO_RESULTS, ONE_BY_ONE } from './mosquitto-results.js';

/** Mosquitto's source, which brings its tests. Their licence is not ours: they are run where they are. */
const SOURCE = process.env['MOSQUITTO_SOURCE'] ?? '/usr/src/mosquitto';
const DRIVER = join(import.meta.dirname, 'mosquitto_driver.py');
const ENDS_WITHIN_MS = 60_000;
const MOST_WORDS = 500;

describe.skipIf(isMissing()).each([true, false])(
  'mosquitto’s tests of MQTT 3.1.1, with a telemetry lane: %s',
  (lane) => {
    let doors: ConformanceDoors;
    beforeAll(async () => {
      doors = await ConformanceDoors.open(lane);
    });
    afterAll(() => doors?.close());

    // Several at once, since many of them do little but wait.
    it.concurrent.each(Object.entries(MOSQUITTO_RESULTS))(
      '%s: %s',
      async (name, expected) => {
        const { code, words } = await run(name, doors.controlPort);
        if (expected === 'pass') expect({ code, words }).toMatchObject({ code: 0 });
        else if (expected === ONE_BY_ONE) expect([0, 1], words).toContain(code);
        else expect({ code, words }, 'it passes now: mark it so in mosquitto-results.ts').toMatchObject({ code: 1 });
      },
      2 * ENDS_WITHIN_MS,
    );
  },
);

async function run(name: string, controlPort: number): Promise<{ code: number | undefined; words: string }> {
  const args = [DRIVER, join(SOURCE, 'test'), `${name}.py`, `${controlPort}`, `${await steadyPort()}`];
  return new Promise((resolve) => {
    const test = execFile('python3', args, { timeout: ENDS_WITHIN_MS }, (_error, stdout, stderr) =>
      resolve({ code: test.exitCode ?? undefined, words: `${stdout}${stderr}`.slice(-MOST_WORDS) }),
    );
  });
}

/** Said loudly; in CI it is no reason to leave them out. */
function isMissing(): boolean {
  const there = installed('python3') !== null && existsSync(join(SOURCE, 'test/broker'));
  if (there || process.env['CI'] !== undefined) return false;
  console.warn(
    `SKIPPED: python3 or the source of mosquitto in ${SOURCE} is missing, so its tests of MQTT were not run. On Debian, as root, .ci/run fetches both; ` +
      'another place of the source goes into MOSQUITTO_SOURCE.',
  );
  return true;
}
