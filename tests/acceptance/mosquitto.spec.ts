import { execFile } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StationView } from '@canh/contract/views.dto';
import { type Api, CanhProcess, temporaryFolder } from '../support/canh-process.js';
import { eventually } from '../support/eventually.js';
import { missing } from '../support/servers/series-server.js';
import { riverProvince } from './river-province.js';

const TELEMETRY = 'v1/devices/me/telemetry';
const ENDS_WITHIN_MS = 20_000;

interface Ended {
  readonly code: number;
  readonly output: string;
}

/** Debian's mosquitto-clients: a device that nobody here has written. */
describe.skipIf(missing('mosquitto_pub', 'mosquitto-clients'))('mosquitto_pub and mosquitto_sub as devices', () => {
  let canh: CanhProcess;
  let api: Api;
  let token = '';

  beforeAll(async () => {
    const dataDir = await temporaryFolder();
    [token = ''] = (await riverProvince(dataDir, ['thach-han'])).map((device) => device.token);
    canh = await CanhProcess.start({ env: { CANH_DATA_DIR: dataDir, CANH_LOG_LEVEL: 'error' } });
    api = await canh.signIn();
  }, 120_000);
  afterAll(() => canh?.remove());

  async function mosquitto(program: 'mosquitto_pub' | 'mosquitto_sub', ...args: readonly string[]): Promise<Ended> {
    const { hostname, port } = new URL(canh.mqttUrl);
    return new Promise((resolve) =>
      execFile(program, ['-h', hostname, '-p', port, ...args], { timeout: ENDS_WITHIN_MS }, (error, stdout, stderr) => {
        const { code } = (error ?? { code: 0 }) as { code?: number | string | null };
        resolve({ code: typeof code === 'number' ? code : -1, output: stdout + stderr });
      }),
    );
  }

  const publish = (level: number, ...args: readonly string[]): Promise<Ended> =>
    mosquitto('mosquitto_pub', '-t', TELEMETRY, '-m', JSON.stringify({ level_m: level }), ...args);

  const levelOnThePage = async (): Promise<number | undefined> => {
    const stations = await api.get<StationView[]>('/api/stations');
    return stations.find(({ id }) => id === 'thach-han')?.latest.find(({ metric }) => metric === 'level_m')?.value;
  };
  /** As the metrics count them: of many in a second the page shows only the first. */
  const refusals = async (reason: string): Promise<number> => {
    const metrics = await (await fetch(`${canh.consoleUrl}/metrics`)).text();
    const line = new RegExp(`^canh_mqtt_refused_total\\{reason="${reason}",door="mqtt"\\} (\\d+)$`, 'm').exec(metrics);
    return Number(line?.[1] ?? 0);
  };

  it.each([0, 1, 2])('a reading at QoS %i reaches the page', async (qos) => {
    const level = 1 + qos / 10;
    const { code, output } = await publish(level, '-q', String(qos), '-u', token);
    expect({ code, output }).toEqual({ code: 0, output: '' });
    await eventually(async () => expect(await levelOnThePage()).toBe(level));
  });

  it('is told that its user name or password is bad, with MQTT’s own code', async () => {
    for (const credentials of [['-u', 'not-a-token'], ['-u', 'thach-han', '-P', token], []]) {
      const { code, output } = await publish(9, '-q', '1', ...credentials);
      // CONNACK 4, which is what the program ends with.
      expect(output).toMatch(/bad user name or password/i);
      expect(code).toBe(4);
    }
    await eventually(async () => expect(await refusals('unknown-credential')).toBe(3));
    expect(await levelOnThePage()).not.toBe(9);
  });

  it('is told that MQTT 5 is not spoken here', async () => {
    const { code, output } = await publish(9, '-q', '1', '-u', token, '-V', '5');
    expect(output).toMatch(/protocol/i);
    expect(code).not.toBe(0);
  });

  it('cannot publish as somebody else', async () => {
    const foreign = ['v1/devices/someone-else/telemetry', 'thach-han/level', '$SYS/broker/load'];
    for (const topic of foreign)
      await mosquitto('mosquitto_pub', '-q', '1', '-u', token, '-t', topic, '-m', '{"level_m":9}', '--quiet');
    await eventually(async () => expect(await refusals('forbidden-topic')).toBe(foreign.length));
    expect(await levelOnThePage()).not.toBe(9);
  });

  it('cannot listen to others, nor to the server itself', async () => {
    for (const filter of ['#', '$SYS/#', 'v1/+/+/telemetry']) {
      const { output } = await mosquitto('mosquitto_sub', '-u', token, '-t', filter, '-W', '10');
      expect(output, filter).toMatch(/denied|rejected/i);
    }
    await eventually(async () => expect(await refusals('forbidden-filter')).toBe(3));
  });
});
