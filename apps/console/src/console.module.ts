import type { KeyObject } from 'node:crypto';
import {
  Inject,
  Injectable,
  Module,
  ValidationPipe,
  type DynamicModule,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE, Reflector } from '@nestjs/core';
import { loadCatalogue } from '@canh/adapters/device-catalogue/device-catalogue';
import { ProcessorLink } from '@canh/adapters/processor-link/processor-link';
import { openRecords, type RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { loadServerKey } from '@canh/adapters/records-sql/server-key';
import { SqlAlertDesk } from '@canh/adapters/records-sql/sql-alert-desk';
import { SqlCommandDesk } from '@canh/adapters/records-sql/sql-device-commands';
import { SqlLedgerDesk } from '@canh/adapters/records-sql/sql-ledger-desk';
import { SqlOperators } from '@canh/adapters/records-sql/sql-operators';
import { SqlOutbox } from '@canh/adapters/records-sql/sql-outbox';
import { SqlQuarantineDesk } from '@canh/adapters/records-sql/sql-quarantine-desk';
import { SqlRegistry } from '@canh/adapters/records-sql/sql-registry';
import { AlertDesk } from '@canh/core/alerts/alert-store';
import { Operators } from '@canh/core/alerts/operators';
import { Outbox } from '@canh/core/dispatch/outbox';
import { QuarantineDesk } from '@canh/core/readings/quarantine';
import type { Catalogue } from '@canh/core/rules/catalogue';
import { LedgerDesk } from '@canh/core/series/ledger';
import { LiveSeries } from '@canh/core/series/live-series';
import { CommandDesk } from '@canh/core/stations/device-commands';
import { Registry } from '@canh/core/stations/registry';
import type { Clock } from '@canh/core/time/instant';
import { Health } from '@canh/runtime/health';
import { makeDataDir } from '@canh/runtime/data-dir';
import { openLog, type Log } from '@canh/runtime/log';
import { Metrics } from '@canh/runtime/metrics';
import { systemClock } from '@canh/runtime/system-clock';
import { ensureAdministrator } from './administrator.js';
import { AlertsController } from './alerts/alerts.controller.js';
import { ConsoleMetrics } from './console.metrics.js';
import { ConsoleSettings } from './console.settings.js';
import { DevicesController } from './devices/devices.controller.js';
import { Directories } from './directory.js';
import { LedgerController } from './ledger/ledger.controller.js';
import { LiveController } from './live/live.controller.js';
import { LiveFeed } from './live/live-feed.js';
import { Now } from './now.js';
import { ProblemFilter } from './problem.filter.js';
import { QuarantineController } from './quarantine/quarantine.controller.js';
import { BackOff } from './sign-in/back-off.js';
import { Passwords } from './sign-in/passwords.js';
import { SessionController } from './sign-in/session.controller.js';
import { SessionGuard } from './sign-in/session.guard.js';
import { Sessions } from './sign-in/sessions.js';
import { StationsController } from './stations/stations.controller.js';

interface ConsoleParts {
  readonly settings: ConsoleSettings;
  readonly records: RecordsDatabase;
  readonly serverKey: KeyObject;
  readonly catalogue: Catalogue;
  readonly processor: ProcessorLink;
  readonly clock: Clock;
  readonly log: Log;
}
const PARTS = Symbol('console parts');

/** What the console says of itself and of what it stands on, and what ends with it. */
@Injectable()
export class ConsoleLife implements OnModuleInit, OnApplicationShutdown {
  constructor(
    @Inject(PARTS) private readonly parts: ConsoleParts,
    private readonly desk: AlertDesk,
    private readonly directories: Directories,
    private readonly health: Health,
  ) {}

  onModuleInit(): void {
    const { processor } = this.parts;
    this.health.add('records', async () => {
      await this.desk.latestChange();
      const { withoutProfile } = await this.directories.now();
      const warnings = withoutProfile.map(
        ({ id, profileId }) => `station ${id} is not shown: CANH_DEVICES_DIR has no profile ${profileId}`,
      );
      return { problems: [], warnings };
    });
    this.health.add('processor', () => processor.status());
  }

  async onApplicationShutdown(): Promise<void> {
    this.parts.processor.close();
    await this.parts.records.destroy();
  }
}

/**
 * The wiring of the console. Health and metrics come from the OperatingModule. Its guard, filter and pipe hold for the whole
 * application it is imported into: a controller of another part that is not for operators is marked `@Public()`.
 */
@Module({})
export class ConsoleModule {
  /** Makes the administrator on the first start; `print` is where its one-time password goes. */
  static async open(
    settings: ConsoleSettings,
    print: (line: string) => void,
    clock: Clock = systemClock,
  ): Promise<DynamicModule> {
    await makeDataDir(settings.dataDir);
    const records = await openRecords(settings.recordsFile);
    await ensureAdministrator(new SqlOperators(records), settings, clock, print);
    const parts: ConsoleParts = {
      settings,
      records,
      serverKey: await loadServerKey(settings.dataDir),
      catalogue: await loadCatalogue(settings.devicesDir),
      processor: new ProcessorLink(settings.dataDir),
      clock,
      log: openLog('console', settings),
    };
    return consoleModule(parts);
  }
}

function consoleModule(parts: ConsoleParts): DynamicModule {
  const { settings, records, serverKey, catalogue, processor, clock, log } = parts;
  return {
    module: ConsoleModule,
    controllers: [
      SessionController,
      StationsController,
      DevicesController,
      AlertsController,
      LedgerController,
      QuarantineController,
      LiveController,
    ],
    providers: [
      { provide: PARTS, useValue: parts },
      { provide: ConsoleSettings, useValue: settings },
      { provide: Now, useValue: clock },
      { provide: Operators, useFactory: () => new SqlOperators(records) },
      { provide: AlertDesk, useFactory: () => new SqlAlertDesk(records) },
      { provide: Outbox, useFactory: () => new SqlOutbox(records) },
      { provide: CommandDesk, useFactory: () => new SqlCommandDesk(records) },
      { provide: LedgerDesk, useFactory: () => new SqlLedgerDesk(records) },
      { provide: QuarantineDesk, useFactory: () => new SqlQuarantineDesk(records) },
      { provide: Registry, useFactory: () => new SqlRegistry(records) },
      { provide: LiveSeries, useValue: processor },
      {
        provide: Directories,
        inject: [Registry, Operators],
        useFactory: (registry: Registry, operators: Operators) => new Directories(registry, operators, catalogue),
      },
      { provide: BackOff, useFactory: () => new BackOff(clock) },
      { provide: Passwords, useFactory: () => Passwords.prepare() },
      {
        provide: Sessions,
        inject: [Operators],
        useFactory: (operators: Operators) => new Sessions(operators, clock, serverKey),
      },
      {
        provide: ConsoleMetrics,
        inject: [Metrics, AlertDesk],
        useFactory: (metrics: Metrics, desk: AlertDesk) => new ConsoleMetrics(metrics, desk),
      },
      {
        provide: LiveFeed,
        inject: [AlertDesk, LiveSeries, Directories, Sessions, ConsoleMetrics],
        useFactory: (
          desk: AlertDesk,
          series: LiveSeries,
          directories: Directories,
          sessions: Sessions,
          metrics: ConsoleMetrics,
        ) => new LiveFeed(desk, series, directories, sessions, clock, log, (open) => metrics.streamsOpen(open)),
      },
      {
        provide: APP_GUARD,
        inject: [Reflector, Sessions],
        useFactory: (reflector: Reflector, sessions: Sessions) =>
          new SessionGuard(reflector, sessions, settings.publicUrl),
      },
      { provide: APP_FILTER, useFactory: () => new ProblemFilter(log) },
      {
        provide: APP_PIPE,
        useFactory: () => new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }),
      },
      ConsoleLife,
    ],
  };
}
