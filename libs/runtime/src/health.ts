import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Public } from './http.js';
import { within } from './within.js';

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

const ANSWER_WITHIN_MS = 3_000;

/** How the parts of this process are, each asked when somebody wants to know. */
export class Health {
  private readonly checks = new Map<string, HealthCheck>();

  add(part: string, check: HealthCheck): void {
    this.checks.set(part, check);
  }

  async report(): Promise<HealthReport> {
    const parts = await Promise.all(
      [...this.checks].map(async ([part, check]) => {
        const { problems, warnings = [] } = await within(ANSWER_WITHIN_MS, part, check()).catch(
          (error: unknown): PartHealth => ({ problems: [error instanceof Error ? error.message : String(error)] }),
        );
        return [part, { ready: problems.length === 0, problems, warnings }] as const;
      }),
    );
    return { ready: parts.every(([, { ready }]) => ready), parts: Object.fromEntries(parts) };
  }
}

/** For whoever restarts the process (`live`) and whoever sends work to it (`ready`). */
@Public()
@Controller('health')
export class HealthController {
  constructor(private readonly health: Health) {}

  @Get('live')
  live(): { live: true } {
    return { live: true };
  }

  @Get('ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthReport> {
    const report = await this.health.report();
    reply.status(report.ready ? 200 : 503);
    return report;
  }
}
