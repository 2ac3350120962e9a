import { Option, type Command } from 'commander';
import { CommonSettings } from '@canh/runtime/common.settings';
import { readSettings } from '@canh/runtime/settings';
import { systemClock } from '@canh/runtime/system-clock';
import { Fleet } from '@canh/simulators/fleet';
import { ProgressBar } from '@canh/simulators/progress';
import { parseMetricMapping } from '@canh/simulators/recorded/metric-mapping';
import { replay } from '@canh/simulators/replay';
import { print, printRows } from './output.js';
import { ownMqttUrl, untilInterrupted } from './simulate-command.js';

const number = (text: string): number => Number(text);

interface Given {
  readonly token: string;
  readonly metric?: string[];
  readonly time: 'keep' | 'end-now';
  readonly site?: string;
  readonly timezone?: string;
  readonly rows: number;
  readonly rate?: number;
  readonly url?: string;
  readonly json?: boolean;
}

export function addReplayCommand(program: Command): void {
  program
    .command('replay')
    .description('publish recorded data as one device, over MQTT, to a running Canh')
    .argument('<file>', 'CSV (timestamp,value or timestamp,<metric>…), or instantaneous values of the USGS as JSON')
    .requiredOption('--token <token>', "the device's token, as `canh device add` printed it")
    .option('--metric <column=metric...>', 'which column is which metric, with its unit where it must be converted')
    .addOption(
      new Option('--time <how>', 'keep the recorded times, or shift all so that the last row is now')
        .choices(['keep', 'end-now'])
        .default('keep'),
    )
    .option('--timezone <name>', 'zone of times written without one; otherwise CANH_TIMEZONE')
    .option('--site <name>', 'which site of a file that holds several')
    .option('--rows <number>', 'rows in one message', number, 1)
    .option('--rate <number>', 'messages a second at most', number)
    .option('--url <address>', 'the MQTT server; otherwise the one that CANH_HOST and CANH_MQTT_PORT name')
    .option('--json', 'print JSON')
    .action(async (file: string, given: Given) => {
      const deviceId = 'replay';
      const fleet = await Fleet.start({ url: given.url ?? ownMqttUrl(), devices: [{ deviceId, token: given.token }] });
      let bar: ProgressBar | undefined;
      try {
        const report = await replay({
          file,
          fleet,
          deviceId,
          time: given.time,
          rowsPerMessage: given.rows,
          timezone: given.timezone ?? readSettings(CommonSettings).timezone,
          metrics: (given.metric ?? []).map(parseMetricMapping),
          signal: untilInterrupted(),
          onProgress: (done, total) => {
            bar ??= new ProgressBar({ stream: process.stderr, label: 'Phát lại / replay', total, clock: systemClock });
            bar.update(done);
          },
          ...(given.site === undefined ? {} : { site: given.site }),
          ...(given.rate === undefined ? {} : { ratePerSecond: given.rate }),
        });
        bar?.finish();
        if (given.json === true) return print(JSON.stringify(report, null, 2));
        printRows(
          Object.entries(report.count).map(([metric, count]) => ({ metric, readings: count, sum: report.sum[metric] })),
          false,
        );
        print(
          `${report.rows} dòng / rows, ${report.missing} thiếu / missing, ${report.messages} bản tin đã nhận / messages acknowledged`,
        );
      } finally {
        await fleet.stop();
      }
    });
}
