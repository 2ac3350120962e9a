import type { LoggerService } from '@nestjs/common';
import type { Log } from './log.js';

/** Nest's own messages in our log. What it says of its start is of interest only to who debugs it. */
export function nestLog(log: Log): LoggerService {
  const to =
    (level: 'debug' | 'warn' | 'error' | 'fatal') =>
    (message: unknown, ...more: unknown[]): void => {
      const context = more.findLast((part) => typeof part === 'string');
      if (message instanceof Error) log[level]({ context, err: message }, message.message);
      else log[level]({ context, ...(more.length > 1 ? { more: more.slice(0, -1) } : {}) }, String(message));
    };
  return {
    log: to('debug'),
    debug: to('debug'),
    verbose: to('debug'),
    warn: to('warn'),
    error: to('error'),
    fatal: to('fatal'),
  };
}
