import type { Client } from 'aedes';
import type { Instant } from '@canh/core/time/instant';
import type { ClientVerdicts } from './client-verdicts.js';
import { WITHDRAWN } from './connect-verdict.js';
import type { DoorAccess } from './door-access.js';
import { InTurns } from './in-turns.js';

/** Those who are connected, for as long as their credentials stand. */
export class ConnectedClients {
  private readonly connected = new Set<Client>();
  private readonly looks: InTurns<Client>;

  constructor(
    private readonly verdicts: ClientVerdicts,
    private readonly access: Pick<DoorAccess, 'standing'>,
  ) {
    this.looks = new InTurns(
      this.connected,
      (client) => this.dropIfRevoked(client),
      () => performance.now(),
    );
  }

  get count(): number {
    return this.connected.size;
  }

  add(client: Client): void {
    this.connected.add(client);
    client.conn.once('close', () => this.connected.delete(client));
  }

  /**
   * Hangs up on every client whose token, password or certificate was withdrawn since it connected. Resolves when all were looked at;
   * rejects where the records cannot be asked.
   */
  dropRevoked(): Promise<void> {
    return this.looks.run();
  }

  /** Hangs up on every client whose credential has run out by itself; resolves and rejects as `dropRevoked`. */
  async dropEnded(now: Instant): Promise<void> {
    for (const client of this.connected) {
      const until = this.verdicts.admitted(client)?.login.identity.until ?? null;
      // Where one has ended, thousands may have: tokens are renewed, and certificates issued, for all at once.
      if (until !== null && until <= now) return this.looks.run();
    }
  }

  dropIfRevoked(client: Client): void {
    const admitted = this.verdicts.admitted(client);
    if (admitted === null) return;
    const login = this.access.standing(admitted.login);
    if (login !== null) return this.verdicts.set(client, { ...admitted, login });
    this.verdicts.refuse(client, 'unknown-credential', 'its credential was withdrawn or has run out');
    // Nor does its will count, which Aedes asks about when it closes.
    this.verdicts.set(client, WITHDRAWN);
    client.close();
  }
}
