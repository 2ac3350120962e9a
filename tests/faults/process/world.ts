import { rm } from 'node:fs/promises';
import { expect } from 'vitest';
import type { SeriesView } from '@canh/contract/views.dto';
import { riverProvince } from '../../acceptance/river-province.js';
import {
  ADMIN_PASSWORD,
  type Api,
  CanhProcess,
  Program,
  type Settings,
  temporaryFolder,
} from '../../support/canh-process.js';
import { eventually } from '../../support/eventually.js';
import { faultSeed, seededRandom } from '../../support/seeded.js';
import { SmtpInbox } from '../../support/smtp-inbox.js';
import { steadyPort } from '../../support/steady-port.js';
import { Device, type DeviceOptions } from './device.js';
import { HttpDevice } from './http-device.js';
import { keptIn, violations } from './oracle.js';
import { Published } from './published.js';

export const METRIC = 'level_m';
/** Its readings tell that everything published before them has gone all the way. */
const LAST_STATION = 'cuoi-cung';
const QUIET_WITHIN_MS = 60_000;
/** How many mails are on their way at once at most (CANH_DELIVERIES_AT_ONCE): so many can a kill catch between sent and recorded. */
export const MAILS_ON_THE_WAY = 5;

export type Part = 'broker' | 'processor' | 'notifier' | 'console';

interface Running {
  readonly output: string;
  kill(): Promise<void>;
}

interface MailServer {
  /** Answers 451 meanwhile. */
  busy: boolean;
  refused: number;
}

/** A province with rivers, its mailbox, and the devices that publish there: what is the same in every run, whatever the processes. */
export class Province {
  readonly published = new Published();
  private readonly devices: (Device | HttpDevice)[] = [];
  private readonly running: Running[] = [];
  private ends = 0;

  private constructor(
    readonly dataDir: string,
    private readonly tokens: ReadonlyMap<string, string>,
    readonly inbox: SmtpInbox,
    readonly mailServer: MailServer,
    readonly ports: { readonly http: number; readonly mqtt: number; readonly ws: number; readonly page: number },
    readonly chance: () => number,
  ) {}

  /**
   * Makes one for a test of that name, and leaves nothing of it: what was started there is ended, and its folder removed where it was not
   * given. When the test fails, it shows what the processes said.
   */
  static async during(
    test: string,
    rivers: readonly string[],
    work: (province: Province) => Promise<void>,
    dataDir?: string,
  ): Promise<void> {
    const province = await Province.make(rivers, faultSeed(test), dataDir);
    try {
      await work(province);
    } catch (error) {
      for (const { output } of province.running) console.error(output);
      throw error;
    } finally {
      for (const process of province.running) await process.kill();
      await province.switchOff();
      if (dataDir === undefined) await rm(province.dataDir, { recursive: true, force: true });
    }
  }

  private static async make(rivers: readonly string[], seed: number, dataDir?: string): Promise<Province> {
    const folder = dataDir ?? (await temporaryFolder());
    const issued = await riverProvince(folder, [...rivers, LAST_STATION]);
    const tokens = new Map(issued.map(({ deviceId, token }) => [deviceId, token]));
    const ports = {
      http: await steadyPort(),
      mqtt: await steadyPort(),
      ws: await steadyPort(),
      page: await steadyPort(),
    };
    const mailServer: MailServer = { busy: false, refused: 0 };
    const inbox = await SmtpInbox.start(() => {
      if (!mailServer.busy) return;
      mailServer.refused += 1;
      throw Object.assign(new Error('busy, try again later'), { responseCode: 451 });
    });
    return new Province(folder, tokens, inbox, mailServer, ports, seededRandom(seed));
  }

  get settings(): Settings {
    return {
      CANH_DATA_DIR: this.dataDir,
      CANH_HTTP_PORT: String(this.ports.http),
      CANH_MQTT_PORT: String(this.ports.mqtt),
      CANH_WS_PORT: String(this.ports.ws),
      CANH_SMTP_URL: this.inbox.url,
      // The floods are of years ago, so that they are past under every clock, and may be long.
      CANH_READING_MAX_AGE_DAYS: '36500',
      CANH_SERIES_RAW_DAYS: '36501',
      CANH_SERIES_5MIN_DAYS: '36500',
      CANH_SERIES_HOURLY_DAYS: '36500',
      CANH_DELIVERIES_AT_ONCE: String(MAILS_ON_THE_WAY),
      // Each notice is to be found as a mail of its own.
      CANH_NOTICES_ANY: '10000',
      CANH_NOTICES_FIRST: '10000',
      CANH_NOTICES_CRITICAL: '10000',
      CANH_LOG_LEVEL: 'error',
    };
  }

  tokenOf(deviceId: string): string {
    return this.tokens.get(deviceId) ?? '';
  }

  /** All of Canh in one process, when it is ready. */
  async startCanh(env: Settings = {}, under: readonly string[] = []): Promise<CanhProcess> {
    const canh = await CanhProcess.start({ env: { ...this.settings, ...env }, under });
    this.running.push({
      get output() {
        return canh.program.output;
      },
      kill: () => canh.kill(),
    });
    return canh;
  }

  /** A process of its own, without waiting for it. The console's page has a port beside the broker's. */
  startPart(part: Part, env: Settings = {}): Program {
    const own = { CANH_HTTP_PORT: String(this.ports.page), CANH_ADMIN_PASSWORD: ADMIN_PASSWORD };
    return this.start(`apps/${part}/src/main.js`, [], { ...(part === 'console' ? own : {}), ...env });
  }

  /** Any program of the build, with the settings of this province. */
  start(path: string, args: readonly string[], env: Settings = {}): Program {
    const program = new Program(path, args, { ...this.settings, ...env });
    this.running.push(program);
    return program;
  }

  device(deviceId: string, options: Pick<DeviceOptions, 'inFlight' | 'wire'> = {}): Device {
    const device = new Device({
      deviceId,
      token: this.tokens.get(deviceId) ?? '',
      url: () => `mqtt://127.0.0.1:${this.ports.mqtt}`,
      published: this.published,
      chance: this.chance,
      ...options,
    });
    this.devices.push(device);
    return device;
  }

  httpDevice(deviceId: string): HttpDevice {
    const device = new HttpDevice(this.tokens.get(deviceId) ?? '', () => `http://127.0.0.1:${this.ports.http}`);
    this.devices.push(device);
    return device;
  }

  /** Resolves when everything published so far has gone all the way to the store, as the page shows it. */
  async quiet(api: Api): Promise<void> {
    const last = this.device(LAST_STATION);
    this.ends += 1;
    // The values of one device differ; these are of no alarm.
    const reading = { metric: METRIC, ts: Date.now(), seq: this.ends, value: this.ends / 1e6 };
    await last.publish(this.published.reading(LAST_STATION, reading));
    last.close();
    await eventually(
      async () => expect(await storedAt(api, LAST_STATION)).toMatchObject({ count: this.ends }),
      QUIET_WITHIN_MS,
    );
  }

  /** What the page shows of each river agrees with what was sent; for provinces in which every reading has its own time. */
  async expectShown(api: Api, rivers: readonly string[]): Promise<void> {
    for (const river of rivers) {
      const values = new Map<string, number>();
      for (const { deviceId, reading, fate } of this.published.messages)
        if (deviceId === river && reading !== null && fate === 'stored')
          values.set(`${reading.ts} ${reading.seq}`, reading.value);
      const shown = await storedAt(api, river);
      expect(shown.count, river).toBe(values.size);
      expect(shown.sum, river).toBeCloseTo(
        [...values.values()].reduce((sum, value) => sum + value, 0),
        3,
      );
    }
  }

  /** After an orderly stop: throws with everything that contradicts what the publishers were told. */
  async expectNothingWrong(): Promise<void> {
    expect(violations(this.published, await keptIn(this.dataDir))).toEqual([]);
  }

  /** The devices, and the mailbox. */
  private async switchOff(): Promise<void> {
    for (const device of this.devices) device.close();
    await this.inbox.close();
  }
}

async function storedAt(api: Api, river: string): Promise<{ count: number; sum: number }> {
  const query = new URLSearchParams({ metric: METRIC, from: '0', to: String(Date.now() + 86_400_000), steps: '2000' });
  const { buckets } = await api.get<SeriesView>(`/api/stations/${river}/series?${query.toString()}`);
  return buckets.reduce((all, { count, mean }) => ({ count: all.count + count, sum: all.sum + count * mean }), {
    count: 0,
    sum: 0,
  });
}
