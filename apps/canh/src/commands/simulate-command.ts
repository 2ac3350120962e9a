import { isDeepStrictEqual } from 'node:util';
import type { Command } from 'commander';
import { CanhError } from '@canh/core/canh-error';
import { durationMs } from '@canh/core/time/duration';
import { systemClock } from '@canh/runtime/system-clock';
import { readSettings } from '@canh/runtime/settings';
import { Fleet } from '@canh/simulators/fleet';
import { play, type PlayProgress } from '@canh/simulators/play';
import { ProgressBar } from '@canh/simulators/progress';
import { sampleProvince } from '@canh/simulators/province/quang-tri';
import { STORIES, storyNamed } from '@canh/simulators/stories/all';
import { BrokerSettings } from '../../../broker/src/broker.settings.js';
import { print } from './output.js';
import { withRecords, type RecordsDesk } from './records.js';

/** Puts the sample province into the records and gives each of its devices a new token. */
export async function putProvince({
  inventory,
  credentials,
}: Pick<RecordsDesk, 'inventory' | 'credentials'>): Promise<{ deviceId: string; token: string }[]> {
  const { areas, stations, devices } = sampleProvince();
  for (const area of areas) await inventory.putArea(area);
  for (const station of stations) await inventory.putStation(station);
  const fleet: { deviceId: string; token: string }[] = [];
  for (const device of devices) {
    await inventory.putDevice(device);
    fleet.push({ deviceId: device.id, token: await credentials.issue(device.id) });
  }
  return fleet;
}

/** A province of somebody's own must not be written over by a made-up one. Throws CanhError `REGISTRY_IN_USE`. */
async function refuseForeign({ registry, profiles }: RecordsDesk): Promise<void> {
  const sample = new Map(sampleProvince().stations.map((station) => [station.id, station]));
  const { stations } = await registry.inventory();
  const known = await profiles();
  const foreign = stations.filter(
    (station) =>
      // The station that a running Canh made for itself is nobody's own.
      known.get(station.profileId)?.kind !== 'system' && !isDeepStrictEqual(station, sample.get(station.id)),
  );
  if (foreign.length > 0)
    throw new CanhError(
      'REGISTRY_IN_USE',
      `Stations of your own are in CANH_DATA_DIR (${foreign
        .map(({ id }) => id)
        .slice(0, 3)
        .join(', ')}${foreign.length > 3 ? ', …' : ''}), ` +
        `and a simulation writes ${sample.size} stations and devices of its own there. Give CANH_DATA_DIR another folder, or say --force.`,
    );
}

/** Where this machine's own Canh takes MQTT, by its settings. */
export function ownMqttUrl(): string {
  const { host, mqttPort } = readSettings(BrokerSettings);
  return `mqtt://${host}:${mqttPort}`;
}

/** A signal that ends a simulation in order, at Ctrl-C. */
export function untilInterrupted(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  return stop.signal;
}

export function addSimulateCommand(program: Command): void {
  program
    .command('simulate')
    .description(
      'write the stations and devices of a sample province into CANH_DATA_DIR and publish a story as these devices, over MQTT, to the Canh that runs there',
    )
    .requiredOption('--story <name>', `one of ${STORIES.map(({ name }) => name).join(', ')}`)
    .option('--seed <number>', 'the same seed gives the same readings', '1')
    .option('--speed <factor>', 'how many times as fast as time, until the story has reached the present')
    .option('--lag <duration>', 'how far behind the present the story begins to be told live, as 10m')
    .option('--history <duration>', 'how much past is sent first', '6h')
    .option('--force', 'also where CANH_DATA_DIR holds stations of your own')
    .option('--url <address>', 'the MQTT server; otherwise the one that CANH_HOST and CANH_MQTT_PORT name')
    .action(
      async (given: {
        story: string;
        seed: string;
        speed?: string;
        lag?: string;
        history: string;
        url?: string;
        force?: boolean;
      }) => {
        const story = storyNamed(given.story);
        const seed = Number(given.seed);
        if (!Number.isSafeInteger(seed))
          throw new CanhError('BAD_OPTION', `--seed ${given.seed} is not a whole number.`);
        const tokens = await withRecords(async (desk) => {
          if (given.force !== true) await refuseForeign(desk);
          return putProvince(desk);
        });
        const fleet = await Fleet.start({ url: given.url ?? ownMqttUrl(), devices: tokens });
        print(`${story.names.vi} / ${story.names.en}: ${tokens.length} thiết bị / devices`);
        let bar: ProgressBar | undefined;
        const onProgress = ({ part, acknowledged, historyTotal }: PlayProgress): void => {
          bar ??= new ProgressBar({
            stream: process.stderr,
            label: 'Số liệu quá khứ / past readings',
            total: historyTotal,
            clock: systemClock,
          });
          if (part === 'history') bar.update(acknowledged);
          else bar.finish();
        };
        try {
          const report = await play({
            story,
            seed,
            fleet,
            devices: sampleProvince().devices,
            signal: untilInterrupted(),
            onProgress,
            historyMs: durationMs(given.history),
            ...(given.speed === undefined ? {} : { speed: Number(given.speed) }),
            ...(given.lag === undefined ? {} : { lagMs: durationMs(given.lag) }),
          });
          print(`${report.acknowledged} số đo đã nhận / readings acknowledged, ${report.failed} lỗi / failed`);
          process.exitCode = report.failed > 0 ? 1 : 0;
        } finally {
          await fleet.stop();
        }
      },
    );
}
