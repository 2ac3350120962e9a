import { setTimeout as pause } from 'node:timers/promises';
import { startInfluxDb } from '../support/servers/influx.js';
import { installed, type SeriesServer } from '../support/servers/series-server.js';
import { startVictoriaMetrics } from '../support/servers/victoria.js';
import { cpuSeconds } from './processes.js';

/** A time series server of its own, beside Canh or a peer. */
export interface StoreUnderTest {
  readonly url: string;
  /** What tells Canh to write there. */
  readonly settings: Readonly<Record<string, string>>;
  /** CPU that it has used since it was started last. */
  cpuSeconds(): number;
  /** Values that it gives back of a measurement and field, whoever's. */
  values(measurement: string, field: string): Promise<number>;
  kill(): Promise<void>;
  restart(): Promise<void>;
  remove(): Promise<void>;
}

const SHOWN_WITHIN_MS = 2_000;

export interface StoreKind {
  readonly title: string;
  /** Why it cannot be started here, or null. */
  readonly missing: string | null;
  readonly start: () => Promise<StoreUnderTest>;
}

const missing = (program: string, debianPackage: string): string | null =>
  installed(program) === null ? `${program} is not installed (apt install ${debianPackage})` : null;

function common(server: SeriesServer): Omit<StoreUnderTest, 'settings' | 'values'> {
  // It does not outlive this process, however that ends.
  const end = (): void => void process.kill(server.pid(), 'SIGKILL');
  process.once('exit', end);
  return {
    url: server.url,
    cpuSeconds: () => cpuSeconds(server.pid()),
    kill: () => server.kill(),
    restart: () => server.restart(),
    remove: async () => {
      process.off('exit', end);
      await server.remove();
    },
  };
}

export const victoria: StoreKind = {
  title: 'VictoriaMetrics',
  missing: missing('victoria-metrics', 'victoria-metrics'),
  start: async () => {
    const server = await startVictoriaMetrics();
    return {
      ...common(server),
      settings: { CANH_INFLUX_URL: server.url, CANH_INFLUX_VERSION: 'victoria' },
      values: async (measurement, field) => {
        // It shows new values after about a second, whatever it is asked.
        for (let before = -1; ; await pause(SHOWN_WITHIN_MS)) {
          const answer = await fetch(`${server.url}/api/v1/export?match[]=${measurement}_${field}`);
          let values = 0;
          for (const line of (await answer.text()).split('\n'))
            if (line !== '') values += (JSON.parse(line) as { timestamps: number[] }).timestamps.length;
          if (values === before) return values;
          before = values;
        }
      },
    };
  },
};

export const influx: StoreKind = {
  title: 'InfluxDB 1.6',
  missing: missing('influxd', 'influxdb'),
  start: async () => {
    const server = await startInfluxDb();
    return {
      ...common(server),
      settings: { CANH_INFLUX_URL: server.url, CANH_INFLUX_VERSION: '1', CANH_INFLUX_BUCKET: server.database },
      values: async (measurement, field) => {
        const answer = (await server.influxQl(`SELECT count("${field}") FROM "${measurement}"`)) as {
          results: { series?: { values: [string, number][] }[] }[];
        };
        return answer.results[0]?.series?.[0]?.values[0]?.[1] ?? 0;
      },
    };
  },
};
