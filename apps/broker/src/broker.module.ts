import { mkdir } from 'node:fs/promises';
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
import { openRecords, type RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { loadServerKey } from '@canh/adapters/records-sql/server-key';
import { SqlCredentials } from '@canh/adapters/records-sql/sql-credentials';
import { Health } from '@canh/runtime/health';
import { openLog, type Log } from '@canh/runtime/log';
import { Metrics } from '@canh/runtime/metrics';
import { systemClock } from '@canh/runtime/system-clock';
import type { BrokerSettings } from './broker.settings.js';
import { openHttpDoor } from './http-door.js';
import { Intake } from './intake.js';
import { openJournal } from './open-journal.js';
import { MqttDoor } from './mqtt-door.js';

interface BrokerParts {
  readonly settings: BrokerSettings;
  readonly journal: FileJournalWriter;
  readonly records: RecordsDatabase;
  readonly credentials: SqlCredentials;
  readonly log: Log;
}
const PARTS = Symbol('broker parts');

/** The doors for devices, open while the application runs. */
@Injectable()
export class Doors implements OnModuleInit, OnApplicationShutdown {
  private mqtt: MqttDoor | null = null;

  constructor(
    @Inject(PARTS) private readonly parts: BrokerParts,
    private readonly host: HttpAdapterHost,
    private readonly metrics: Metrics,
    private readonly health: Health,
  ) {}

  get mqttPort(): number | undefined {
    return this.mqtt?.mqttPort;
  }

  get wsPort(): number | undefined {
    return this.mqtt?.wsPort;
  }

  async onModuleInit(): Promise<void> {
    const { settings, journal, credentials, log } = this.parts;
    const registers = [this.metrics.registry];
    const refusals = new Counter({
      name: 'canh_mqtt_refused_total',
      help: 'What the doors for devices turned away.',
      labelNames: ['reason', 'door'],
      registers,
    });
    const intake = new Intake(journal, systemClock, log, ({ reason, door }) => refusals.inc({ reason, door }));
    openHttpDoor(
      this.host.httpAdapter.getInstance<FastifyInstance>(),
      intake,
      credentials,
      settings.messageMaxBytes,
      systemClock,
    );
    const mqtt = await MqttDoor.open(intake, credentials, settings, log);
    this.mqtt = mqtt;
    new Gauge({
      name: 'canh_mqtt_connections',
      help: 'Connected MQTT clients.',
      registers,
      collect() {
        this.set(mqtt.connections);
      },
    });
    new Counter({
      name: 'canh_messages_received_total',
      help: 'Messages that are on disk in the journal, since the start.',
      registers,
      collect() {
        this.reset();
        this.inc(journal.appended);
      },
    });
    this.health.add('broker', async () => ({ problems: journal.problem === null ? [] : [journal.problem.message] }));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.mqtt?.close();
    await this.parts.journal.close();
    await this.parts.records.destroy();
  }
}

/** The wiring of the broker: every door appends to the same journal. */
@Module({})
export class BrokerModule {
  static async open(settings: BrokerSettings): Promise<DynamicModule> {
    const log = openLog('broker', settings);
    await mkdir(settings.dataDir, { recursive: true, mode: 0o700 });
    const records = await openRecords(settings.recordsFile);
    const journal = await openJournal(settings.journalDir, records);
    const credentials = new SqlCredentials(records, await loadServerKey(settings.dataDir));
    const parts: BrokerParts = { settings, journal, records, credentials, log };
    return { module: BrokerModule, providers: [{ provide: PARTS, useValue: parts }, Doors], exports: [Doors] };
  }
}
