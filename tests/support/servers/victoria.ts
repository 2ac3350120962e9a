import { join } from 'node:path';
import { type SeriesServer, startSeriesServer } from './series-server.js';

export interface VictoriaServer extends SeriesServer {
  /** Makes what was written visible to queries, which it does by itself only after a second or so. */
  settle(): Promise<void>;
}

/** Starts Debian's VictoriaMetrics as Canh's documentation says to run it. */
export async function startVictoriaMetrics(): Promise<VictoriaServer> {
  const server = await startSeriesServer({
    name: 'victoria-metrics',
    healthPath: '/health',
    args: async (folder, port) => [
      `-storageDataPath=${join(folder, 'data')}`,
      `-httpListenAddr=127.0.0.1:${port}`,
      '-retentionPeriod=100y',
      '-dedup.minScrapeInterval=1ms',
      '-loggerLevel=WARN',
    ],
  });
  return {
    ...server,
    settle: async () => {
      await fetch(`${server.url}/internal/force_flush`);
    },
  };
}
