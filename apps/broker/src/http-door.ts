import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { decodeTelemetry, type Fault } from '@canh/core/readings/decode-telemetry';
import type { MessageKind } from '@canh/core/readings/message';
import type { Credentials } from '@canh/core/stations/credentials';
import type { Clock } from '@canh/core/time/instant';
import type { Intake } from './intake.js';

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

/**
 * `POST /api/v1/{token}/telemetry` and `…/attributes` with the payloads of MQTT. 200 means on disk, as a PUBACK does, also
 * for what is wrong; the answer names what is wrong with the JSON.
 */
export function openHttpDoor(
  http: FastifyInstance,
  intake: Intake,
  credentials: Credentials,
  messageMaxBytes: number,
  clock: Clock,
): void {
  void http.register(async (door) => {
    door.removeAllContentTypeParsers();
    door.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: messageMaxBytes }, (_request, body, done) =>
      done(null, body),
    );

    const take = (kind: MessageKind) => async (request: FastifyRequest<Device>, reply: FastifyReply) => {
      const refuse = (statusCode: number, reason: 'unknown-credential' | 'protocol', message: string): FastifyReply => {
        intake.refuse('', { door: 'http', reason, detail: message, address: request.ip });
        return reply.code(statusCode).send({ statusCode, code: reason, message });
      };
      const identity = credentials.identify(request.params.token);
      if (identity === null) return refuse(401, 'unknown-credential', 'The token in the address belongs to no device.');
      const payload = request.body;
      if (!Buffer.isBuffer(payload) || payload.length === 0) return refuse(400, 'protocol', 'The request has no body.');
      await intake.accept(kind, identity.deviceId, payload);
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
