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
import { GuardedPost } from '@canh/adapters/channels/webhook/guarded-post';
import { WebhookChannel } from '@canh/adapters/channels/webhook/webhook-channel';
import { loadCatalogue } from '@canh/adapters/device-catalogue/device-catalogue';
import { takeLock } from '@canh/adapters/process-lock/process-lock';
import { ProcessorLink } from '@canh/adapters/processor-link/processor-link';
import { openRecords, type RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { SqlAlertDesk } from '@canh/adapters/records-sql/sql-alert-desk';
import { SqlAlertStore } from '@canh/adapters/records-sql/sql-alert-store';
import { SqlContactBook } from '@canh/adapters/records-sql/sql-contact-book';
import { SqlOutbox } from '@canh/adapters/records-sql/sql-outbox';
import { SqlRegistry } from '@canh/adapters/records-sql/sql-registry';
import type { Channel } from '@canh/core/dispatch/channel';
import type { AsksForConfirmation } from '@canh/core/dispatch/confirmation';
import { CANARY } from '@canh/core/rules/canary';
import { SECOND_MS } from '@canh/core/time/instant';
import { Health } from '@canh/runtime/health';
import { makeDataDir } from '@canh/runtime/data-dir';
import { openLog, type Log } from '@canh/runtime/log';
import { Metrics } from '@canh/runtime/metrics';
import { systemClock } from '@canh/runtime/system-clock';
import { within } from '@canh/runtime/within';
import { CanaryWatch } from './canary-watch.js';
import { Heartbeat } from './heartbeat.js';
import { NoticeNames } from './notice-names.js';
import { Notifier } from './notifier.js';
import { NotifierMetrics } from './notifier.metrics.js';
import type { NotifierSettings } from './notifier.settings.js';

interface NotifierModuleParts {
  readonly settings: NotifierSettings;
  readonly records: RecordsDatabase;
  readonly names: NoticeNames;
  readonly channels: readonly Channel[];
  readonly email: AsksForConfirmation;
  /** Null where Canh does not report how it is, or is not described in CANH_DEVICES_DIR. */
  readonly watch: CanaryWatch | null;
  readonly link: ProcessorLink;
  readonly unlock: () => void;
  readonly log: Log;
}
const PARTS = Symbol('notifier parts');

/** Less than a health check may take. */
const WRITES_WITHIN_MS = 2_000;

const NO_SMTP = 'CANH_SMTP_URL is not set, so no e-mail leaves. Set it and start again: what waits goes out then.';

/** Tells people while the application runs. */
@Injectable()
export class Telling implements OnModuleInit, OnApplicationShutdown {
  private notifier: Notifier | null = null;
  private heartbeat: Heartbeat | null = null;

  constructor(
    @Inject(PARTS) private readonly parts: NotifierModuleParts,
    private readonly metrics: Metrics,
    private readonly health: Health,
  ) {}

  onModuleInit(): void {
    const { settings, records, names, channels, email, watch, log } = this.parts;
    const outbox = new SqlOutbox(records);
    const metrics = new NotifierMetrics(this.metrics.registry);
    metrics.addQueue(outbox, systemClock);
    const notifier = new Notifier({
      outbox,
      contacts: new SqlContactBook(records),
      channels,
      addresses: email,
      contextOf: (alert) => names.of(alert),
      scheduler: asyncScheduler,
      random: Math.random,
      deliveriesAtOnce: settings.deliveriesAtOnce,
      bounds: settings.tellingBounds,
      metrics,
      log,
    });
    this.notifier = notifier;
    const warnings = settings.smtpUrl === undefined ? [NO_SMTP] : [];
    for (const warning of warnings) log.warn({ event: 'notifier.no-smtp' }, warning);
    if (settings.heartbeatUrl !== undefined)
      this.heartbeat = new Heartbeat({
        url: settings.heartbeatUrl,
        everyMs: settings.heartbeatSeconds * SECOND_MS,
        post: new GuardedPost({ allowPrivate: settings.webhookAllowPrivate }),
        // Where nobody can be told, all is not well either.
        well: () => notifier.problems.length === 0 && watch?.comesThrough !== false,
        log,
      });
    const { heartbeat } = this;
    if (watch !== null) metrics.addWatch(() => watch.silenceMs / SECOND_MS, heartbeat);
    this.health.addVital('notifier', () => notifier.ended);
    this.health.add('notifier', async () => ({
      problems: [
        ...notifier.problems,
        ...(notifier.ended === null ? [] : [notifier.ended]),
        ...(await unwritable(records)),
      ],
      warnings: [...warnings, ...notifier.warnings, ...(watch?.warnings ?? []), ...(heartbeat?.warnings ?? [])],
    }));
    notifier.start();
    watch?.start();
    heartbeat?.start();
  }

  async onApplicationShutdown(): Promise<void> {
    const stopped = Promise.all([this.heartbeat?.stop(), this.parts.watch?.stop(), this.notifier?.stop()]);
    // A processor that hangs would be waited for otherwise.
    this.parts.link.close();
    await stopped;
    await this.parts.records.destroy();
    this.parts.unlock();
  }
}

/** Whether an attempt could be recorded now: reading goes on while another process holds the records. */
async function unwritable(records: RecordsDatabase): Promise<string[]> {
  try {
    await within(
      WRITES_WITHIN_MS,
      'the records',
      records.write(() => Promise.resolve()),
    );
    return [];
  } catch (error) {
    return [`The records cannot be written: ${(error as Error).message}. Look for a process that holds them.`];
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
    const link = new ProcessorLink(settings.dataDir);
    const watched =
      settings.canarySeconds > 0 && settings.selfReportSeconds > 0 && catalogue.profiles.has(CANARY.stationId);
    const watch = watched
      ? new CanaryWatch({
          farEnd: link,
          alerts: new SqlAlertStore(records),
          desk: new SqlAlertDesk(records),
          withinMs: settings.canarySeconds * SECOND_MS,
          clock: systemClock,
          log,
        })
      : null;
    const email = openEmail(settings);
    const channels = [email, openWebhook(settings)];
    const parts: NotifierModuleParts = { settings, records, names, channels, email, watch, link, unlock, log };
    return { module: NotifierModule, providers: [{ provide: PARTS, useValue: parts }, Telling], exports: [Telling] };
  }
}

function openEmail({
  smtpUrl: url,
  mailFrom: from,
  timezone: timeZone,
  deliveriesAtOnce,
}: NotifierSettings): Channel & AsksForConfirmation {
  if (url === undefined) return new ClosedChannel('email', NO_SMTP);
  return EmailChannel.open({ url, from, timeZone, connections: deliveriesAtOnce, clock: systemClock });
}

function openWebhook({ webhookSecret, webhookAllowPrivate, timezone: timeZone }: NotifierSettings): Channel {
  return new WebhookChannel({
    secret: webhookSecret ?? null,
    allowPrivate: webhookAllowPrivate,
    timeZone,
    clock: systemClock,
  });
}
