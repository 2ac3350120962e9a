import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  Inject,
  Injectable,
  Module,
  type DynamicModule,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Counter, Gauge } from 'prom-client';
import type { FastifyInstance } from 'fastify';
import type { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import { ProcessorLink } from '@canh/adapters/processor-link/processor-link';
import { openRecords, type RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { loadServerKey } from '@canh/adapters/records-sql/server-key';
import { SqlCheckpoints } from '@canh/adapters/records-sql/sql-checkpoints';
import { SqlCredentials } from '@canh/adapters/records-sql/sql-credentials';
import { SqlInventoryDesk } from '@canh/adapters/records-sql/sql-inventory-desk';
import { SqlLedger } from '@canh/adapters/records-sql/sql-ledger';
import { SqlRegistry } from '@canh/adapters/records-sql/sql-registry';
import { SqlReplayRequests } from '@canh/adapters/records-sql/sql-replay-requests';
import { CanhError } from '@canh/core/canh-error';
import { Health } from '@canh/runtime/health';
import { SECOND_MS } from '@canh/core/time/instant';
import { makeDataDir } from '@canh/runtime/data-dir';
import { openLog, type Log } from '@canh/runtime/log';
import { Metrics } from '@canh/runtime/metrics';
import { systemClock } from '@canh/runtime/system-clock';
import type { Tls } from '@canh/runtime/tls/tls';
import type { BrokerSettings } from './broker.settings.js';
import { DeviceMail } from './mail/device-mail.js';
import { DiskRoom } from './disk-room.js';
import { openHttpDoor } from './http/http-door.js';
import { Intake } from './intake/intake.js';
import { DeviceCertificates } from './logins/device-certificates.js';
import { addJournalMetrics } from './journal.metrics.js';
import { addSelf, SelfReport } from './self-report.js';
import { openJournal } from './open-journal.js';
import { MqttDoor } from './mqtt/mqtt-door.js';
import { Replays } from './intake/replays.js';

interface BrokerParts {
  readonly settings: BrokerSettings;
  readonly journal: FileJournalWriter;
  readonly records: RecordsDatabase;
  readonly credentials: SqlCredentials;
  readonly registry: SqlRegistry;
  readonly inventory: SqlInventoryDesk;
  readonly link: ProcessorLink;
  readonly disk: DiskRoom;
  readonly mail: DeviceMail;
  readonly tls: Tls | null;
  readonly log: Log;
}
const PARTS = Symbol('broker parts');

/** Where `devices` describes Canh itself; without it nobody could read its reports. */
const SELF_MODEL = 'system/canh';

/** For tokens that were withdrawn, and for messages to be read once more. */
const LOOK_EVERY_MS = 1_000;
/** A processor that takes longer to say where it is does not answer. */
const PLACE_WITHIN_MS = 5_000;

/** The doors for devices, open while the application runs. */
@Injectable()
export class Doors implements OnModuleInit, OnApplicationShutdown {
  private mqtt: MqttDoor | null = null;
  private intake: Intake | null = null;
  private replays: Replays | null = null;
  private registryVersion = -1;
  private looks: NodeJS.Timeout | undefined;
  private self: SelfReport | null = null;
  private allClosed: () => void = () => undefined;
  /** Resolves when nothing comes in any more, and what came in is on disk. */
  readonly closed = new Promise<void>((resolve) => (this.allClosed = resolve));

  constructor(
    @Inject(PARTS) private readonly parts: BrokerParts,
    private readonly host: HttpAdapterHost,
    private readonly metrics: Metrics,
    private readonly health: Health,
  ) {}

  /** Where devices of this machine reach it: in the open where that is spoken. */
  get mqttUrl(): string {
    const { host, mqttPlain } = this.parts.settings;
    const { mqttPort = 0, mqttsPort = 0 } = this.mqtt ?? {};
    if (mqttPort === 0) return `mqtts://${host}:${mqttsPort}`;
    return `mqtt://${mqttsPort !== 0 && mqttPlain === 'loopback' ? '127.0.0.1' : host}:${mqttPort}`;
  }

  /** Null where MQTT is not spoken over TLS. */
  get mqttsUrl(): string | null {
    const { mqttsPort = 0 } = this.mqtt ?? {};
    return mqttsPort === 0 ? null : `mqtts://${this.parts.settings.host}:${mqttsPort}`;
  }

  get wsUrl(): string {
    const { tls, settings } = this.parts;
    return `${tls === null ? 'ws' : 'wss'}://${settings.host}:${this.mqtt?.wsPort ?? ''}/mqtt`;
  }

  async onModuleInit(): Promise<void> {
    const { settings, journal, records, credentials, link, disk, mail, tls, log } = this.parts;
    const registers = [this.metrics.registry];
    const refusals = new Counter({
      name: 'canh_mqtt_refused_total',
      help: 'What the doors for devices turned away.',
      labelNames: ['reason', 'door'],
      registers,
    });
    const intake = new Intake(
      journal,
      systemClock,
      log,
      ({ reason, door }) => refusals.inc({ reason, door }),
      () => link.place(PLACE_WITHIN_MS),
    );
    this.intake = intake;
    const replays = new Replays(new SqlReplayRequests(records), intake, systemClock, log);
    this.replays = replays;
    openHttpDoor(this.host.httpAdapter.getInstance<FastifyInstance>(), {
      intake,
      credentials,
      certificates: tls === null ? null : new DeviceCertificates(tls, credentials, systemClock),
      messageMaxBytes: settings.messageMaxBytes,
      clock: systemClock,
      toldBusy: () => refusals.inc({ reason: 'busy', door: 'http' }),
    });
    await mail.publishLeftWills(intake);
    const overTls = tls === null ? null : { tls, mqttsPort: settings.mqttsPort, plain: settings.mqttPlain };
    const mqtt = await MqttDoor.open(intake, credentials, settings, log, mail, overTls);
    this.mqtt = mqtt;
    tls?.onChange(() => void this.dropRevoked(true));
    if (settings.selfReportSeconds > 0 && existsSync(join(settings.devicesDir, SELF_MODEL))) {
      await addSelf(this.parts.registry, this.parts.inventory);
      this.self = new SelfReport({
        intake,
        status: () => link.status(),
        disk,
        everyMs: settings.selfReportSeconds * SECOND_MS,
        clock: systemClock,
        log,
      });
    }
    this.looks = setInterval(() => {
      void this.dropRevoked();
      void replays.look();
      void mail.look();
    }, LOOK_EVERY_MS);
    new Counter({
      name: 'canh_messages_received_total',
      help: 'Messages that are on disk in the journal, since the start.',
      registers,
      collect() {
        this.reset();
        this.inc(journal.appended);
      },
    });
    new Counter({
      name: 'canh_mqtt_slowed_total',
      help: 'How often a device that sends more than it may was not read from for a while.',
      registers,
      collect() {
        this.reset();
        this.inc(mqtt.slowed);
      },
    });
    const gauge = (name: string, help: string, value: () => number | Promise<number>): void => {
      new Gauge({
        name,
        help,
        registers,
        async collect() {
          this.set(await value());
        },
      });
    };
    addJournalMetrics(this.metrics.registry, journal);
    mail.addTo(this.metrics.registry);
    gauge('canh_mqtt_connections', 'Connected MQTT clients.', () => mqtt.connections);
    gauge('canh_intake_waiting_messages', 'Messages that wait for their turn, unacknowledged.', () => intake.waiting);
    gauge(
      'canh_journal_window_bytes',
      'Bytes that may be written and not judged before messages wait.',
      () => intake.windowBytes,
    );
    gauge('canh_disk_free_bytes', 'Room that is left where the data folder is.', () =>
      disk.freeBytes().catch(() => Number.NaN),
    );
    this.health.addVital('broker', () =>
      journal.problem?.code === 'JOURNAL_SYNC_FAILED' ? journal.problem.message : null,
    );
    this.health.add('broker', async () => ({
      problems: journal.problem === null ? [] : [journal.problem.message],
      warnings: [...intake.warnings, ...mail.warnings, ...(await disk.warnings())],
    }));
  }

  /** A token that was withdrawn, in this process or by the command line, ends the connection that it opened. */
  private async dropRevoked(certificatesChanged = false): Promise<void> {
    const { registry, log } = this.parts;
    try {
      const version = await registry.version();
      if (certificatesChanged || version !== this.registryVersion) {
        await this.mqtt?.dropRevoked();
        await this.parts.mail.dropRevoked();
      } else await this.mqtt?.dropEnded(systemClock.now());
      this.registryVersion = version;
    } catch (error) {
      this.registryVersion = -1;
      log.error({ event: 'mqtt.tokens-unchecked', error: (error as Error).message }, (error as Error).message);
    }
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.looks);
    this.self?.close();
    await this.mqtt?.close();
    await this.intake?.close();
    await this.parts.mail.close(this.mqtt !== null && this.parts.journal.problem === null);
    this.parts.link.close();
    await this.replays?.close();
    await this.parts.journal.close();
    this.allClosed();
    await this.parts.records.destroy();
  }
}

/** The wiring of the broker: every door appends to the same journal. */
@Module({})
export class BrokerModule {
  static async open(settings: BrokerSettings, tls: Tls | null = null): Promise<DynamicModule> {
    if (tls === null && settings.mqttPlain === 'off')
      throw new CanhError(
        'BAD_SETTING',
        'CANH_MQTT_PLAIN is off and there is no certificate, so that no device could come in. Set CANH_TLS_CERT_FILE and CANH_TLS_KEY_FILE.',
      );
    const log = openLog('broker', settings);
    await makeDataDir(settings.dataDir);
    const records = await openRecords(settings.recordsFile);
    const places = { checkpoints: new SqlCheckpoints(records), ledger: new SqlLedger(records) };
    const journal = await openJournal(settings.journalDir, places);
    const credentials = new SqlCredentials(records, await loadServerKey(settings.dataDir), systemClock);
    const registry = new SqlRegistry(records);
    const link = new ProcessorLink(settings.dataDir);
    const disk = new DiskRoom(resolve(settings.dataDir), settings.diskWarnMb);
    const mail = DeviceMail.open(settings, records, systemClock, log);
    const inventory = new SqlInventoryDesk(records);
    const parts: BrokerParts = {
      settings,
      journal,
      records,
      credentials,
      registry,
      inventory,
      link,
      disk,
      tls,
      mail,
      log,
    };
    return { module: BrokerModule, providers: [{ provide: PARTS, useValue: parts }, Doors], exports: [Doors] };
  }
}
