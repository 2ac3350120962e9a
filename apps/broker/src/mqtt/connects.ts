import { randomUUID } from 'node:crypto';
import type { AuthenticateError, Client } from 'aedes';
import type { Log } from '@canh/runtime/log';
import { clientCertificate } from '../logins/device-certificates.js';
import type { Login } from '../logins/device-logins.js';
import type { DeviceMailbox } from '../mail/device-mailbox.js';
import { addressOf, type ClientVerdicts } from './client-verdicts.js';
import { type Connect, verdictOn } from './connect-verdict.js';
import type { DoorAccess } from './door-access.js';

/** What becomes of a CONNECT. Aedes asks twice: who it is, and whether they may come in. */
export class Connects {
  /** Whose password is being looked at, and how their connection is read from again. */
  private readonly lookedAt = new WeakMap<Client, () => void>();

  /** `longestKeepalive` in seconds, 0 for any. */
  constructor(
    private readonly verdicts: ClientVerdicts,
    private readonly access: DoorAccess,
    private readonly mailbox: DeviceMailbox | null,
    private readonly longestKeepalive: number,
    private readonly log: Log,
  ) {}

  /**
   * Who is it? Told before Aedes takes up the client id, since that id is made part of the credential's: two clients of one device may
   * use any ids they like, and no id of another device can be taken over.
   */
  identify(client: Client, packet: Connect, done: (error: Error | null, success: boolean) => void): void {
    if (!this.access.keepsSessions) packet.clean = true;
    const found = (login: Login): void => {
      if (client.conn.destroyed) return;
      const verdict = verdictOn(login, packet, this.access, this.longestKeepalive);
      this.verdicts.set(client, verdict);
      if (verdict.admitted) packet.clientId = this.access.clientId(verdict.deviceId, packet.clientId || randomUUID());
      done(null, true);
    };
    const failed = (error: Error): void => {
      if (client.conn.destroyed) return;
      this.log.error({ event: 'mqtt.unidentified', error: error.message }, error.message);
      done(error, false);
    };
    const { username, password } = packet;
    const gone = (): boolean => client.conn.destroyed;
    const certificate = clientCertificate(client.req?.socket ?? client.conn);
    let login: Login | Promise<Login>;
    try {
      login = this.access.login({ username, password, certificate, address: addressOf(client), gone });
    } catch (error) {
      return failed(error as Error);
    }
    if (!(login instanceof Promise)) return found(login);
    this.lookedAt.set(client, () => undefined);
    const readOn = (): void => {
      const again = this.lookedAt.get(client);
      this.lookedAt.delete(client);
      again?.();
    };
    // Before that turn of the loop is over, Aedes has paused it until it is connected.
    void login.then(found, failed).finally(() => setImmediate(readOn));
  }

  admit(client: Client, done: (error: AuthenticateError | null, success: boolean | null) => void): void {
    // Who has gone meanwhile, or was let go of because the door closes, is nobody's any more.
    if (client.conn.destroyed) return;
    const verdict = this.verdicts.on(client);
    if (verdict?.admitted === true) this.mailbox?.arrives(client, verdict.deviceId);
    if (verdict?.admitted !== false) return done(null, verdict !== undefined);
    const { reason, detail, returnCode } = verdict;
    this.verdicts.refuse(client, reason, detail);
    done(Object.assign(new Error(reason), { returnCode }) as AuthenticateError, false);
  }

  /** Whether its password is being looked at. */
  isLookedAt(client: Client): boolean {
    return this.lookedAt.has(client);
  }

  /** While its password is looked at, nothing more is taken into memory of somebody who may be anybody; `again` is called when it may be read on. */
  mayReadOn(client: Client, again: () => void): boolean {
    if (!this.lookedAt.has(client)) return true;
    this.lookedAt.set(client, again);
    return false;
  }
}
