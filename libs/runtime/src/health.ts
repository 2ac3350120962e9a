import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Public } from './http.js';
import { within } from './within.js';
import { withoutSecrets } from './without-secrets.js';

/** How one part is. It takes work when nothing is in `problems`; `warnings` want a person but stop nothing. */
export interface PartHealth {
  readonly problems: readonly string[];
  readonly warnings?: readonly string[];
}

export type HealthCheck = () => Promise<PartHealth>;

export interface HealthReport {
  readonly ready: boolean;
  readonly parts: Readonly<
    Record<string, { ready: boolean; problems: readonly string[]; warnings: readonly string[] }>
  >;
}

/** Why a part will not work again before the process is started anew; null while it may. */
export type VitalCheck = () => string | null | Promise<string | null>;

export interface LiveReport {
  readonly live: boolean;
  /** The parts that have failed for good, with why. */
  readonly failed: Readonly<Record<string, string>>;
}

const ANSWER_WITHIN_MS = 3_000;
/** Whoever asks whether a process lives soon ends it when it does not say. */
const LIVE_WITHIN_MS = 1_000;

/** How the parts of this process are, each asked when somebody wants to know. */
export class Health {
  private readonly checks = new Map<string, HealthCheck>();
  private readonly vitals = new Map<string, VitalCheck>();

  add(part: string, check: HealthCheck): void {
    this.checks.set(part, check);
  }

  /** What only a new start mends: a disk that could not sync, a thread that is gone. What may come back by itself belongs to `add`. */
  addVital(part: string, check: VitalCheck): void {
    this.vitals.set(part, check);
  }

  /** A part that does not answer is not dead for that: it may only wait, and a restart would not help it. */
  async live(): Promise<LiveReport> {
    const failed: Record<string, string> = {};
    await Promise.all(
      [...this.vitals].map(async ([part, check]) => {
        const why = await within(LIVE_WITHIN_MS, part, Promise.resolve(check())).catch(() => null);
        if (why !== null) failed[part] = withoutSecrets(why);
      }),
    );
    return { live: Object.keys(failed).length === 0, failed };
  }

  async report(): Promise<HealthReport> {
    const parts = await Promise.all(
      [...this.checks].map(async ([part, check]) => {
        const { problems, warnings = [] } = await within(ANSWER_WITHIN_MS, part, check()).catch(
          (error: unknown): PartHealth => ({ problems: [error instanceof Error ? error.message : String(error)] }),
        );
        // Anybody may read this, and a server's complaint may repeat what it was told.
        const told = (words: readonly string[]): string[] => words.map(withoutSecrets);
        return [part, { ready: problems.length === 0, problems: told(problems), warnings: told(warnings) }] as const;
      }),
    );
    return { ready: parts.every(([, { ready }]) => ready), parts: Object.fromEntries(parts) };
  }
}

/** For whoever restarts the process (`live`: its loop turns, and no part of it has failed for good) and whoever sends work to it (`ready`). */
@Public()
@Controller('health')
export class HealthController {
  constructor(private readonly health: Health) {}

  @Get('live')
  async live(@Res({ passthrough: true }) reply: FastifyReply): Promise<LiveReport> {
    const report = await this.health.live();
    reply.status(report.live ? 200 : 503);
    return report;
  }

  @Get('ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthReport> {
    const report = await this.health.report();
    reply.status(report.ready ? 200 : 503);
    return report;
  }
}
