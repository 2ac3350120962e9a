/**
 * A broken promise of our own code or set-up. The message says what, which and the way out; a lower error is the `cause`.
 * What the field sends is never a CanhError: a broken payload is an ordinary value with a reason.
 */
export class CanhError extends Error {
  constructor(
    readonly code: string,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'CanhError';
  }
}

/** Marks the branch that the types say cannot be reached. */
export function unreachable(value: never): never {
  throw new CanhError('UNREACHABLE', `A case is missing for ${JSON.stringify(value)}. Add it where this was thrown.`);
}
