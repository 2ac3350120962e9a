import type { LoggerService } from '@nestjs/common';
import type { Log } from './log.js';

/** Nest's own messages in our log. What it says of its start is of interest only to who debugs it. */
export function nestLog(log: Log): LoggerService {
  const to =
    (level: 'debug' | 'warn' | 'error' | 'fatal') =>
    (message: unknown, ...more: unknown[]): void => {
      const context = more.findLast((part) => typeof part === 'string');
      const details = more.filter((part) => part !== context && part !== undefined);
      if (message instanceof Error) log[level]({ context, err: message }, message.message);
      else log[level]({ context, ...(details.length > 0 ? { details } : {}) }, String(message));
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
