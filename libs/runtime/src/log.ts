import { pino, type Logger } from 'pino';
import type { CommonSettings } from './common.settings.js';
import { harmlessLine, withoutSecrets } from './without-secrets.js';

export type Log = Logger;

/** Structured logs on standard error: one JSON object a line, whatever devices put into it, and without secrets. */
export function openLog(part: string, { logLevel }: Pick<CommonSettings, 'logLevel'>): Log {
  return pino(
    {
      level: logLevel,
      base: { part },
      timestamp: pino.stdTimeFunctions.isoTime,
      hooks: { streamWrite: (line) => harmlessLine(withoutSecrets(line)) },
    },
    pino.destination({ dest: 2, sync: false }),
  );
}
