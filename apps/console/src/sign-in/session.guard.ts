import { type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { PUBLIC } from '@canh/runtime/http';
import { signedOut } from '../problem.js';
import { refuseCrossSite } from './cross-site.js';
import { sessionToken } from './session-cookie.js';
import type { Sessions } from './sessions.js';
import { rememberSignedIn } from './signed-in.js';

/** Every route of the process needs a signed-in operator, and every write the page's own hand, unless it is marked `@Public()`. */
export class SessionGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly sessions: Sessions,
    private readonly publicUrl: string | undefined,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (this.reflector.getAllAndOverride<boolean>(PUBLIC, [context.getHandler(), context.getClass()])) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    if (request.method !== 'GET' && request.method !== 'HEAD') refuseCrossSite(request, this.publicUrl);
    const signedIn = await this.sessions.use(sessionToken(request.headers.cookie));
    if (signedIn === null) throw signedOut();
    rememberSignedIn(request, signedIn);
    return true;
  }
}
