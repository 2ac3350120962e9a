import { median } from '../figures.js';
import type { Load } from '../generator.js';
import { interleaved, type Measuring } from '../measuring.js';
import { aedesRound, brokerRound, canhRound, findMosquitto, mosquittoRound, type Round } from '../round.js';
import { influx, victoria, type StoreKind } from '../stores.js';
import { said, wholePerS } from '../table.js';
import { milliseconds, percent, times, verdict, type Verdict } from '../verdict.js';
import type { ScenarioName } from '../wishes.js';

/** Few connections, and many: the aims differ. */
const FEW = 100;

/** As fast as it is acknowledged: bare Aedes, and beside it Canh with more and more of the path behind it. */
export async function saturated(measuring: Measuring): Promise<{ rounds: Round[]; verdicts: Verdict[] }> {
  const { only, loads } = measuring.wishes;
  const contenders = [...contendersFor(only, measuring)];
  if (contenders.length === 0) return { rounds: [], verdicts: [] };
  const all = [(load: Load) => aedesRound(measuring, load, false), ...contenders];
  const rounds = await interleaved(measuring, loads, all, said);
  return { rounds, verdicts: loads.flatMap((load) => verdictsOf(rounds, `c${load.connections}`, load.connections)) };
}

function* contendersFor(
  only: ReadonlySet<ScenarioName>,
  measuring: Measuring,
): Generator<(load: Load) => Promise<Round>> {
  if (only.has('durable')) yield (load) => brokerRound(measuring, load);
  if (only.has('whole')) yield (load) => canhRound(measuring, load, null);
  const stores: readonly (readonly [ScenarioName, StoreKind])[] = [
    ['victoria', victoria],
    ['influx', influx],
  ];
  for (const [name, kind] of stores)
    if (!only.has(name)) continue;
    else if (kind.missing !== null) console.error(`SKIPPED ${name}: ${kind.missing}.`);
    else yield (load) => canhRound(measuring, load, kind);
  if (only.has('mosquitto'))
    if (findMosquitto() === null) console.error('SKIPPED mosquitto: it is not installed (apt install mosquitto).');
    else yield (load) => mosquittoRound(measuring, load);
}

function verdictsOf(rounds: readonly Round[], load: string, connections: number): Verdict[] {
  const of = (server: string): Round[] => rounds.filter((round) => round.server === server && round.load === load);
  const bare = median(of('bare Aedes').map(wholePerS));
  const share = (server: string, what: string, least: number): Verdict[] =>
    of(server).length === 0
      ? []
      : [
          verdict(
            { what: `${what}, ${load}, of bare Aedes`, least, said: percent },
            median(of(server).map(wholePerS)) / bare,
          ),
        ];
  const whole = of('Canh → DuckDB');
  const cpu = (server: readonly Round[]): number => median(server.map((round) => round.cpuSecondsPerMillion));
  const delay = (server: string): number => median(of(server).map(({ loopDelayP99Ms }) => loopDelayP99Ms ?? NaN));
  const few = connections <= FEW;
  return [
    ...share('Canh broker', 'durable acknowledgement', 0.95),
    ...share('Canh → DuckDB', 'whole path into DuckDB', few ? 0.75 : 0.9),
    ...share('Canh → VictoriaMetrics', 'whole path into VictoriaMetrics', few ? 0.6 : 0.8),
    ...share('Canh → InfluxDB 1.6', 'whole path into InfluxDB 1.6', few ? 0.6 : 0.8),
    ...(whole.length > 0 && of('mosquitto').length > 0
      ? [
          verdict(
            { what: `CPU of the whole process, ${load}, over mosquitto's`, most: 2, said: times },
            cpu(whole) / cpu(of('mosquitto')),
          ),
        ]
      : []),
    ...(whole.length > 0
      ? [
          verdict(
            { what: `loop delay p99 of the MQTT thread, ${load}`, most: 20, said: milliseconds },
            delay('Canh → DuckDB'),
            `bare Aedes ${milliseconds(delay('bare Aedes'))}`,
          ),
        ]
      : []),
  ];
}
