import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type SeriesServer, startSeriesServer } from './series-server.js';

export interface InfluxDbServer extends SeriesServer {
  /** The database that is there from the start. */
  readonly database: string;
  /** Asks it in InfluxQL, as whoever `token` (user:password) names; gives back what it answered. */
  influxQl(query: string, token?: string): Promise<unknown>;
}

/** Starts Debian's InfluxDB 1.6. With `admin` (user:password) it lets nobody in without a password; `rows`: it answers with no more. */
export async function startInfluxDb({
  admin,
  rows = 0,
}: { admin?: string; rows?: number } = {}): Promise<InfluxDbServer> {
  const database = 'canh';
  const server = await startSeriesServer({
    name: 'influxd',
    healthPath: '/ping',
    args: async (folder, port) => {
      const config = join(folder, 'influxdb.conf');
      await writeFile(config, configuration(folder, port, admin !== undefined, rows));
      return ['run', '-config', config];
    },
  });
  const influxQl = async (query: string, token = admin): Promise<unknown> => {
    const headers: Record<string, string> =
      token === undefined ? {} : { authorization: `Basic ${Buffer.from(token).toString('base64')}` };
    const answer = await fetch(`${server.url}/query?db=${database}&q=${encodeURIComponent(query)}`, {
      method: 'POST',
      headers,
    });
    return answer.json();
  };
  if (admin !== undefined) {
    const [user, password] = admin.split(':');
    await influxQl(`CREATE USER "${user}" WITH PASSWORD '${password}' WITH ALL PRIVILEGES`, undefined);
  }
  await influxQl(`CREATE DATABASE "${database}"`);
  return { ...server, database, influxQl };
}

function configuration(folder: string, port: number, authenticated: boolean, rows: number): string {
  return `
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = ${JSON.stringify(join(folder, 'meta'))}
[data]
  dir = ${JSON.stringify(join(folder, 'data'))}
  wal-dir = ${JSON.stringify(join(folder, 'wal'))}
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:${port}"
  auth-enabled = ${authenticated}
  max-row-limit = ${rows}
  log-enabled = false
`;
}
