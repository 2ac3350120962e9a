import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { InfluxVersion } from '@canh/adapters/series-influx/influx-http';

const NODE = [
  '--disable-warning=ExperimentalWarning',
  '--experimental-transform-types',
  '--import',
  join(import.meta.dirname, '../../support/source-imports.mjs'),
  join(import.meta.dirname, 'path.child.ts'),
];

/** The processor's path in a process of its own, which may be killed. */
export function pathChild(folder: string, url: string, version: InfluxVersion, bucket: string): ChildProcess {
  return spawn(process.execPath, [...NODE, folder, url, version, bucket], { stdio: ['ignore', 'ignore', 'inherit'] });
}
