import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { AlertDesk } from '@canh/core/alerts/alert-store';
import { unreachable } from '@canh/core/canh-error';
import { Outbox } from '@canh/core/dispatch/outbox';
import { clockText, localTimeIn } from '@canh/core/time/local-time';
import { AcknowledgeAlert, AlertsQuery } from '@canh/contract/commands.dto';
import { AlertDetailView, AlertView } from '@canh/contract/views.dto';
import { ConsoleSettings } from '../console.settings.js';
import { Directories } from '../directory.js';
import { Now } from '../now.js';
import { alertAlready, alertStale, unknownAlert } from '../problem.js';
import type { SignedIn } from '../sign-in/sessions.js';
import { ByOperator } from '../sign-in/signed-in.js';
import { alertDetailView, alertView } from '../views/alert-view.js';

/** More than anybody can look at; the newest changes come first. */
const MAX_ALERTS = 1_000;

@Controller('api/alerts')
export class AlertsController {
  constructor(
    private readonly desk: AlertDesk,
    private readonly outbox: Outbox,
    private readonly directories: Directories,
    private readonly settings: ConsoleSettings,
    private readonly clock: Now,
  ) {}

  /** Open alerts, or all; the newest change first, 1,000 at most. */
  @Get()
  async alerts(@Query() { which }: AlertsQuery): Promise<AlertView[]> {
    const [alerts, directory] = await Promise.all([
      this.desk.list(which ?? 'open', MAX_ALERTS),
      this.directories.now(),
    ]);
    return alerts.map((alert) => alertView(alert, directory));
  }

  /** One alert with what to do, its history, and who was told. */
  @Get(':id')
  async alert(@Param('id') id: string): Promise<AlertDetailView> {
    const [found, deliveries, directory] = await Promise.all([
      this.desk.one(id),
      this.outbox.ofAlert(id),
      this.directories.now(),
    ]);
    if (found === null) throw unknownAlert();
    return alertDetailView(found.alert, found.history, deliveries, directory);
  }

  /** Says that somebody has seen it. 409 when somebody was quicker (`alert-already`) or it has changed meanwhile (`alert-stale`). */
  @Post(':id/acknowledge')
  @HttpCode(200)
  async acknowledge(
    @Param('id') id: string,
    @Body() { version, note }: AcknowledgeAlert,
    @ByOperator() { operator }: SignedIn,
  ): Promise<AlertView> {
    const answer = await this.desk.acknowledge(id, version, operator.id, this.clock.now(), note ?? null);
    if (answer === null) throw unknownAlert();
    switch (answer.kind) {
      case 'done':
        return alertView(answer.step.alert, await this.directories.now());
      case 'stale':
        throw alertStale(answer.version);
      case 'already':
        throw await this.already(id);
      default:
        return unreachable(answer);
    }
  }

  private async already(id: string): Promise<Error> {
    const [found, { people }] = await Promise.all([this.desk.one(id), this.directories.now()]);
    const alert = found?.alert;
    if (alert === undefined || !('acknowledgedAt' in alert)) return unknownAlert();
    return alertAlready(
      people.get(alert.by) ?? alert.by,
      clockText(localTimeIn(this.settings.timezone)(alert.acknowledgedAt)),
    );
  }
}
