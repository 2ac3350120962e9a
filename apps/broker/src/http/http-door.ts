import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { decodeTelemetry, type Fault } from '@canh/core/readings/decode-telemetry';
import type { MessageKind } from '@canh/core/readings/message';
import type { Credentials } from '@canh/core/stations/credentials';
import type { Clock } from '@canh/core/time/instant';
import { HttpTurns, type HttpTurn } from './http-turns.js';
import type { Intake } from '../intake/intake.js';

interface Device {
  readonly Params: { readonly token: string };
  readonly Body: Buffer;
}

/** What a device is told over HTTP: kept, and what of it cannot be used, so that whoever is at the other end can mend it. */
interface Received {
  readonly received: true;
  readonly faults: readonly Fault[];
}

const MOST_FAULTS_TOLD = 20;
const BUSY = 503;
const RETRY_AFTER_S = 1;

/**
 * `POST /api/v1/{token}/telemetry` and `…/attributes` with the payloads of MQTT. 200 means on disk, as a PUBACK does, also
 * for what is wrong; the answer names what is wrong with the JSON. 503 with `busy` means that it was not read, for the device or all of
 * them have too much waiting.
 */
export function openHttpDoor(
  http: FastifyInstance,
  intake: Intake,
  credentials: Credentials,
  messageMaxBytes: number,
  clock: Clock,
  /** Counts an answer of `busy` for the metrics. */
  toldBusy: () => void = () => undefined,
): void {
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
    ): FastifyReply => {
      intake.refuse('', { door: 'http', reason, detail: message, address: request.ip });
      return reply.code(statusCode).send({ statusCode, code: reason, message });
    };
    const busy = (reply: FastifyReply): FastifyReply => {
      toldBusy();
      const message = 'Too much is waiting to be received. Send this again in a second.';
      return reply.code(BUSY).header('retry-after', RETRY_AFTER_S).send({ statusCode: BUSY, code: 'busy', message });
    };

    const turns = new HttpTurns((deviceId) => intake.hasPlaceFor(deviceId));
    const admitted = new WeakMap<FastifyRequest, HttpTurn>();
    // Before the body is read, since that is what takes room.
    door.addHook<Device>('onRequest', async (request, reply) => {
      const identity = credentials.identify(request.params.token);
      if (identity === null)
        return refuse(request, reply, 401, 'unknown-credential', 'The token in the address belongs to no device.');
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
