import { join } from 'node:path';
import { InfluxSeriesStore } from '@canh/adapters/series-influx/influx-series-store';
import type { InfluxVersion } from '@canh/adapters/series-influx/influx-http';
import { openRecords } from '@canh/adapters/records-sql/open-records';
import { startPath } from '../../processor/gauge.js';

// The processor's path over a folder whose journal another process writes. It is ended by being killed, or in order by SIGTERM.
const [folder, url, version, bucket] = process.argv.slice(2);
if (folder === undefined || url === undefined || version === undefined || bucket === undefined)
  throw new Error('Usage: path.child.ts FOLDER URL VERSION BUCKET');
const records = await openRecords(join(folder, 'records.sqlite'), { waitMs: 5_000 });
const store = await InfluxSeriesStore.open({
  url,
  token: '',
  org: '',
  bucket,
  version: version as InfluxVersion,
  timeoutMs: 2_000,
});
const running = await startPath(folder, records, store, 4 * 2 ** 20);
process.once('SIGTERM', () => {
  void running
    .close()
    .then(() => records.destroy())
    .then(() => process.exit(0));
});
