import type { Client } from 'aedes';
import type { Refusal } from '@canh/core/readings/message';
import type { Intake } from '../intake/intake.js';
import type { Admitted, Verdict } from './connect-verdict.js';

/** The verdict on each client, and the way to tell of what was refused to it. */
export class ClientVerdicts {
  private readonly verdicts = new WeakMap<Client, Verdict>();

  constructor(private readonly intake: Pick<Intake, 'refuse'>) {}

  set(client: Client, verdict: Verdict): void {
    this.verdicts.set(client, verdict);
  }

  /** Undefined while there is none. */
  on(client: Client): Verdict | undefined {
    return this.verdicts.get(client);
  }

  /** Null where it was not let in, or may not stay. */
  admitted(client: Client): Admitted | null {
    const verdict = this.verdicts.get(client);
    return verdict?.admitted === true ? verdict : null;
  }

  refuse(client: Client, reason: Refusal['reason'], detail: string): void {
    const door = client.req === undefined ? 'mqtt' : 'ws';
    this.intake.refuse(this.admitted(client)?.deviceId ?? '', { door, reason, detail, address: addressOf(client) });
  }
}

export function addressOf({ conn, req }: Client): string {
  return (conn as { remoteAddress?: string }).remoteAddress ?? req?.socket.remoteAddress ?? '';
}
