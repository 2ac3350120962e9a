// Loaded before Canh: faults that come when a file of their name appears in FAULTS_DIR.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { isMainThread, workerData } from 'node:worker_threads';

const wanted = (fault) => fs.existsSync(join(process.env.FAULTS_DIR, fault));

// The thread in which DuckDB lives dies, as a fault in its native code would not leave it alive.
if (!isMainThread && workerData?.directory !== undefined)
  setInterval(() => wanted('store-thread-ends') && process.exit(7), 50).unref();

const { fdatasync } = fs;
fs.fdatasync = (file, done) => {
  if (wanted('sync-fails')) done(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }));
  else fdatasync(file, done);
};
syncBuiltinESMExports();
