import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { signedOut } from '../problem.js';
import type { SignedIn } from './sessions.js';

const known = new WeakMap<FastifyRequest, SignedIn>();

export function rememberSignedIn(request: FastifyRequest, signedIn: SignedIn): void {
  known.set(request, signedIn);
}

/** The session of this request, as the guard found it. */
export const ByOperator = createParamDecorator((_: unknown, context: ExecutionContext): SignedIn => {
  const signedIn = known.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (signedIn === undefined) throw signedOut();
  return signedIn;
});
