import { pino, type Logger } from 'pino';
import type { CommonSettings } from './common.settings.js';

export type Log = Logger;

/** Structured logs on standard error, one JSON object a line: control characters are escaped, secrets are cut out by their key. */
export function openLog(part: string, { logLevel }: Pick<CommonSettings, 'logLevel'>): Log {
  return pino(
    {
      level: logLevel,
      base: { part },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: ['token', 'password', 'secret', '*.token', '*.password', '*.secret'], censor: '[secret]' },
    },
    pino.destination({ dest: 2, sync: false }),
  );
}
