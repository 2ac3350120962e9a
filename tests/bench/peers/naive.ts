// What one would write first: mqtt.js, class-transformer and class-validator, a stream for each device, and the client's own WriteApi with its
// own batches. Arguments: the broker's port and the store's address.
import 'reflect-metadata';
import { InfluxDB, Point } from '@influxdata/influxdb-client';
import { plainToInstance, Type } from 'class-transformer';
import { IsInt, IsNumber, ValidateNested, validateSync } from 'class-validator';
import { connect } from 'mqtt';
import { Subject } from 'rxjs';
import { distinctUntilChanged, filter, groupBy, map, mergeMap, scan } from 'rxjs/operators';

const METRICS = ['temperature_c', 'humidity_pct', 'pm25_ugm3', 'level_m', 'battery_v', 'rssi_dbm'] as const;
const LIMIT_M = 3.5;
const HOLD_MS = 60_000;

class Values {
  declare readonly level_m: number;
}
for (const metric of METRICS) IsNumber()(Values.prototype, metric);

class Telemetry {
  declare readonly ts: number;
  declare readonly seq: number;
  declare readonly values: Values & Readonly<Record<(typeof METRICS)[number], number>>;
}
IsInt()(Telemetry.prototype, 'ts');
IsInt()(Telemetry.prototype, 'seq');
ValidateNested()(Telemetry.prototype, 'values');
Type(() => Values)(Telemetry.prototype, 'values');

const [, port = '', url = ''] = process.argv.slice(2);
const writeApi = new InfluxDB({ url, token: 'none' }).getWriteApi('canh', 'canh', 'ms');
const readings = new Subject<{ readonly device: string; readonly telemetry: Telemetry }>();

readings
  .pipe(
    groupBy(({ device }) => device),
    mergeMap((ofDevice) =>
      ofDevice.pipe(
        scan<{ telemetry: Telemetry }, { since: number | null; at: number }>(
          ({ since }, { telemetry: { ts, values } }) => ({
            since: values.level_m > LIMIT_M ? (since ?? ts) : null,
            at: ts,
          }),
          { since: null, at: 0 },
        ),
        map(({ since, at }) => since !== null && at - since >= HOLD_MS),
        distinctUntilChanged(),
        filter((raised) => raised),
        map(() => ofDevice.key),
      ),
    ),
  )
  .subscribe((device) => console.log(`alert at ${device}`));

const client = connect(`mqtt://127.0.0.1:${port}`);
client.on('connect', () => client.subscribe('v1/+/telemetry', () => console.log('subscribed')));
client.on('message', (topic, payload) => {
  const telemetry = plainToInstance(Telemetry, JSON.parse(payload.toString()));
  if (validateSync(telemetry).length > 0) return;
  const [, device = ''] = topic.split('/');
  readings.next({ device, telemetry });
  const point = new Point('telemetry').tag('device', device).timestamp(telemetry.ts);
  for (const metric of METRICS) point.floatField(metric, telemetry.values[metric]);
  writeApi.writePoint(point);
});
process.on('SIGTERM', () => {
  client.end();
  void writeApi.close().finally(() => process.exit(0));
});
