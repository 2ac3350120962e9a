import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { decodeTelemetry, type Fault } from '@canh/core/readings/decode-telemetry';
import type { MessageKind } from '@canh/core/readings/message';
import type { Credentials, DeviceIdentity } from '@canh/core/stations/credentials';
import type { Clock } from '@canh/core/time/instant';
import type { Intake } from '../intake/intake.js';
import { clientCertificate, type DeviceCertificates } from '../logins/device-certificates.js';
import { HttpTurns, type HttpTurn } from './http-turns.js';

interface Device {
  readonly Params: { readonly token: string };
  readonly Body: Buffer;
}

/** What a device is told over HTTP: kept, and what of it cannot be used, so that whoever is at the other end can mend it. */
interface Received {
  readonly received: true;
  readonly faults: readonly Fault[];
}

/** In place of the token, by a device that shows its client certificate. No token is as short. */
const ME = 'me';
const MOST_FAULTS_TOLD = 20;
const BUSY = 503;
const RETRY_AFTER_S = 1;

export interface HttpDoorParts {
  readonly intake: Intake;
  readonly credentials: Credentials;
  /** Null where no client certificates are asked for. */
  readonly certificates: DeviceCertificates | null;
  readonly messageMaxBytes: number;
  readonly clock: Clock;
  /** Counts an answer of `busy` for the metrics. */
  readonly toldBusy: () => void;
}

/**
 * `POST /api/v1/{token}/telemetry` and `…/attributes` with the payloads of MQTT; over TLS also `/api/v1/me/…`, by the device whose client
 * certificate is shown. 200 means on disk, as a PUBACK does, also for what is wrong; the answer names what is wrong with the JSON. 401 means
 * that token or certificate belong to no device. 503 with `busy` means that it was not read, for the device or all of them have too much
 * waiting.
 */
export function openHttpDoor(http: FastifyInstance, parts: HttpDoorParts): void {
  const { intake, credentials, certificates, messageMaxBytes, clock, toldBusy } = parts;
  void http.register(async (door) => {
    door.removeAllContentTypeParsers();
    door.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: messageMaxBytes }, (_request, body, done) =>
      done(null, body),
    );

    const refuse = (
      request: FastifyRequest,
      reply: FastifyReply,
      statusCode: number,
      reason: 'unknown-credential' | 'protocol',
      message: string,
      detail = message,
    ): FastifyReply => {
      intake.refuse('', { door: 'http', reason, detail, address: request.ip });
      return reply.code(statusCode).send({ statusCode, code: reason, message });
    };
    const busy = (reply: FastifyReply): FastifyReply => {
      toldBusy();
      const message = 'Too much is waiting to be received. Send this again in a second.';
      return reply.code(BUSY).header('retry-after', RETRY_AFTER_S).send({ statusCode: BUSY, code: 'busy', message });
    };

    /** Asked for each request: it may have been revoked since the connection began. */
    const ofCertificate = ({ raw }: FastifyRequest): DeviceIdentity | { readonly detail: string } => {
      const shown = clientCertificate(raw.socket);
      return (shown === null ? null : certificates?.identify(shown)) ?? { detail: 'no client certificate was shown' };
    };

    const turns = new HttpTurns((deviceId) => intake.hasPlaceFor(deviceId));
    const admitted = new WeakMap<FastifyRequest, HttpTurn>();
    // Before the body is read, since that is what takes room.
    door.addHook<Device>('onRequest', async (request, reply) => {
      const { token } = request.params;
      const identity = token === ME ? ofCertificate(request) : credentials.identify(token);
      if (identity === null)
        return refuse(request, reply, 401, 'unknown-credential', 'The token in the address belongs to no device.');
      if ('detail' in identity) {
        const message = 'The address says `me`, and no client certificate of a device was shown.';
        return refuse(request, reply, 401, 'unknown-credential', message, identity.detail);
      }
      const announced = Number(request.headers['content-length'] ?? messageMaxBytes);
      const turn = turns.take(identity.deviceId, Math.min(announced, messageMaxBytes));
      if (turn === null) return busy(reply);
      admitted.set(request, turn);
      // Also where nothing more of it ever comes.
      reply.raw.once('close', () => endOf(request));
      return undefined;
    });
    const endOf = (request: FastifyRequest): void => {
      admitted.get(request)?.release();
      admitted.delete(request);
    };

    const take = (kind: MessageKind) => async (request: FastifyRequest<Device>, reply: FastifyReply) => {
      const turn = admitted.get(request);
      // It was hung up on.
      if (turn === undefined) return reply;
      if (!turn.mayWait()) return busy(reply);
      const payload = request.body;
      if (!Buffer.isBuffer(payload) || payload.length === 0)
        return refuse(request, reply, 400, 'protocol', 'The request has no body.');
      // From here on it takes room until it is on disk, whether or not anybody still waits for the answer.
      admitted.delete(request);
      await intake.accept(kind, turn.deviceId, payload).finally(() => turn.release());
      const faults = kind === 'telemetry' ? decodeTelemetry(payload.toString(), clock.now()).faults : [];
      return reply.send({ received: true, faults: faults.slice(0, MOST_FAULTS_TOLD) } satisfies Received);
    };
    door.post<Device>('/api/v1/:token/telemetry', take('telemetry'));
    door.post<Device>('/api/v1/:token/attributes', take('attributes'));

    door.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
      const statusCode = error.statusCode ?? 503;
      if (statusCode === 413)
        intake.refuse('', {
          door: 'http',
          reason: 'too-large',
          detail: `a body larger than ${messageMaxBytes} bytes`,
          address: request.ip,
        });
      void reply
        .code(statusCode)
        .send({ statusCode, code: statusCode === 413 ? 'too-large' : 'not-received', message: error.message });
    });
  });
}
