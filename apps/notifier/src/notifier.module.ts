import { join } from 'node:path';
import {
  Inject,
  Injectable,
  Module,
  type DynamicModule,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { asyncScheduler } from 'rxjs';
import { ClosedChannel } from '@canh/adapters/channels/closed-channel';
import { EmailChannel } from '@canh/adapters/channels/email/email-channel';
import { WebhookChannel } from '@canh/adapters/channels/webhook/webhook-channel';
import { loadCatalogue } from '@canh/adapters/device-catalogue/device-catalogue';
import { takeLock } from '@canh/adapters/process-lock/process-lock';
import { openRecords, type RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { SqlContactBook } from '@canh/adapters/records-sql/sql-contact-book';
import { SqlOutbox } from '@canh/adapters/records-sql/sql-outbox';
import { SqlRegistry } from '@canh/adapters/records-sql/sql-registry';
import type { Channel } from '@canh/core/dispatch/channel';
import { Health } from '@canh/runtime/health';
import { makeDataDir } from '@canh/runtime/data-dir';
import { openLog, type Log } from '@canh/runtime/log';
import { Metrics } from '@canh/runtime/metrics';
import { systemClock } from '@canh/runtime/system-clock';
import { NoticeNames } from './notice-names.js';
import { Notifier } from './notifier.js';
import { NotifierMetrics } from './notifier.metrics.js';
import type { NotifierSettings } from './notifier.settings.js';

interface NotifierModuleParts {
  readonly settings: NotifierSettings;
  readonly records: RecordsDatabase;
  readonly names: NoticeNames;
  readonly channels: readonly Channel[];
  readonly unlock: () => void;
  readonly log: Log;
}
const PARTS = Symbol('notifier parts');

const NO_SMTP = 'CANH_SMTP_URL is not set, so no e-mail leaves. Set it and start again: what waits goes out then.';

/** Tells people while the application runs. */
@Injectable()
export class Telling implements OnModuleInit, OnApplicationShutdown {
  private notifier: Notifier | null = null;

  constructor(
    @Inject(PARTS) private readonly parts: NotifierModuleParts,
    private readonly metrics: Metrics,
    private readonly health: Health,
  ) {}

  onModuleInit(): void {
    const { settings, records, names, channels, log } = this.parts;
    const notifier = new Notifier({
      outbox: new SqlOutbox(records),
      contacts: new SqlContactBook(records),
      channels,
      contextOf: (alert) => names.of(alert),
      scheduler: asyncScheduler,
      random: Math.random,
      deliveriesAtOnce: settings.deliveriesAtOnce,
      metrics: new NotifierMetrics(this.metrics.registry),
      log,
    });
    this.notifier = notifier;
    const warnings = settings.smtpUrl === undefined ? [NO_SMTP] : [];
    for (const warning of warnings) log.warn({ event: 'notifier.no-smtp' }, warning);
    this.health.add('notifier', () => Promise.resolve({ problems: notifier.problems, warnings }));
    notifier.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.notifier?.stop();
    await this.parts.records.destroy();
    this.parts.unlock();
  }
}

/** The wiring of the notifier: from the outbox to people. */
@Module({})
export class NotifierModule {
  static async open(settings: NotifierSettings): Promise<DynamicModule> {
    const log = openLog('notifier', settings);
    await makeDataDir(settings.dataDir);
    // Two of them would send everything twice.
    const unlock = takeLock(join(settings.dataDir, 'notifier.lock'), 'telling people from this data folder');
    const records = await openRecords(settings.recordsFile);
    const catalogue = await loadCatalogue(settings.devicesDir);
    const names = new NoticeNames(new SqlRegistry(records), catalogue, settings.publicUrl ?? null);
    const parts: NotifierModuleParts = { settings, records, names, channels: openChannels(settings), unlock, log };
    return { module: NotifierModule, providers: [{ provide: PARTS, useValue: parts }, Telling], exports: [Telling] };
  }
}

function openChannels(settings: NotifierSettings): Channel[] {
  const { smtpUrl, mailFrom, timezone: timeZone, deliveriesAtOnce, webhookSecret, webhookAllowPrivate } = settings;
  return [
    smtpUrl === undefined
      ? new ClosedChannel('email', NO_SMTP)
      : EmailChannel.open({
          url: smtpUrl,
          from: mailFrom,
          timeZone,
          connections: deliveriesAtOnce,
          clock: systemClock,
        }),
    new WebhookChannel({
      secret: webhookSecret ?? null,
      allowPrivate: webhookAllowPrivate,
      timeZone,
      clock: systemClock,
    }),
  ];
}
