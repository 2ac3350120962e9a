import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Controller, Headers, Req, Sse, type MessageEvent } from '@nestjs/common';
import { ApiProduces } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { map, tap, type MonoTypeOperatorFunction, type Observable } from 'rxjs';
import type { SignedIn } from '../sign-in/sessions.js';
import { ByOperator } from '../sign-in/signed-in.js';
import { LiveFeed, type NumberedMessage } from './live-feed.js';

/** What may wait for a page that does not read, in characters and in time. Beyond, it is dropped, and resumes when it comes back. */
const MAX_WAITING = 2 * 2 ** 20;
const LONGEST_WAIT_MS = 30_000;
const COME_BACK_AFTER_MS = 2_000;

@Controller('api/live')
export class LiveController {
  constructor(private readonly feed: LiveFeed) {}

  /** Server-sent events: each one's data is a LiveMessage, named by its kind. Send Last-Event-ID to resume. */
  @ApiProduces('text/event-stream')
  @Sse('', { maxPendingDataLength: MAX_WAITING })
  live(
    @ByOperator() { tokenHash }: SignedIn,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: FastifyRequest,
  ): Observable<MessageEvent> {
    const { socket } = request.raw;
    const resumeAfter = /^\d{1,15}$/.test(lastEventId ?? '') ? Number(lastEventId) : null;
    return this.feed
      .of(tokenHash, resumeAfter, () => room(socket))
      .pipe(
        dropWhoDoesNotRead(socket),
        // The number stands on every message: Nest would number the others by itself, and a browser resumes from the last it saw.
        map(({ kind, json, change }) => ({ type: kind, id: String(change), data: json, retry: COME_BACK_AFTER_MS })),
      );
  }
}

/** Resolves when the page has taken what it was sent; ends the connection of one that does not. */
async function room(socket: Socket): Promise<void> {
  // What was just said is on its way to the socket for the rest of this turn.
  await nextTurn();
  if (!socket.writableNeedDrain) return;
  try {
    await once(socket, 'drain', { signal: AbortSignal.timeout(LONGEST_WAIT_MS) });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Nest's own limit begins only behind two buffers of 16 messages each, whatever their size. */
function dropWhoDoesNotRead(socket: Socket): MonoTypeOperatorFunction<NumberedMessage> {
  let waiting = 0;
  let since = 0;
  return tap(({ json }) => {
    if (!socket.writableNeedDrain) waiting = 0;
    else {
      if (waiting === 0) since = performance.now();
      waiting += json.length;
      if (waiting > MAX_WAITING || performance.now() - since > LONGEST_WAIT_MS) socket.destroy();
    }
  });
}
