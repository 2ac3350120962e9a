import type { Health } from '../health.js';
import type { Log } from '../log.js';
import { systemClock } from '../system-clock.js';
import { Tls } from './tls.js';
import type { TlsSettings } from './tls.settings.js';

/** What a process speaks TLS with at its doors, its warnings at `/health/ready`; null where no certificate is set. Rejects as `Tls.open`. */
export async function openTls(settings: TlsSettings, log: Log, health: Health): Promise<Tls | null> {
  const tls = await Tls.open(settings, systemClock, log);
  if (tls !== null) health.add('tls', () => tls.health());
  return tls;
}
