import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pino } from 'pino';
import { Registry as MetricsRegistry } from 'prom-client';
import { expect } from 'vitest';
import { ClosedChannel } from '@canh/adapters/channels/closed-channel';
import { openRecords, type RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { SqlAlertStore } from '@canh/adapters/records-sql/sql-alert-store';
import { SqlContactBook } from '@canh/adapters/records-sql/sql-contact-book';
import { SqlInventoryDesk } from '@canh/adapters/records-sql/sql-inventory-desk';
import { SqlOutbox } from '@canh/adapters/records-sql/sql-outbox';
import { SqlRegistry } from '@canh/adapters/records-sql/sql-registry';
import type { Channel } from '@canh/core/dispatch/channel';
import type { ChannelName, Contact, Delivery } from '@canh/core/dispatch/notice';
import type { DeliveryRecord } from '@canh/core/dispatch/outbox';
import { USUAL_BOUNDS } from '@canh/core/dispatch/telling-bounds';
import type { Catalogue } from '@canh/core/rules/catalogue';
import type { Severity } from '@canh/core/rules/rule';
import type { Evidence, Transition } from '@canh/core/rules/transition';
import type { Instant } from '@canh/core/time/instant';
import { NoticeNames } from '../../apps/notifier/src/notice-names.js';
import { Notifier, type NotifierParts } from '../../apps/notifier/src/notifier.js';
import { NotifierMetrics } from '../../apps/notifier/src/notifier.metrics.js';
import { NIGHT, river } from './story.js';
import { VirtualClock } from './virtual-clock.js';

/** The real outbox, which also counts how often each channel was looked at and how much was due. */
class WatchedOutbox extends SqlOutbox {
  readonly looks: { channel: ChannelName; now: Instant; due: number }[] = [];

  override async due(
    now: Instant,
    limit: number,
    channel: ChannelName,
    digests?: number,
    except?: ReadonlySet<string>,
  ): Promise<Delivery[]> {
    const found = await super.due(now, limit, channel, digests, except);
    this.looks.push({ channel, now, due: found.length });
    return found;
  }
}

const catalogue: Catalogue = {
  profiles: new Map([
    [
      'river-gauge',
      {
        id: 'river-gauge',
        kind: 'water',
        names: { vi: 'Trạm đo mực nước', en: 'River gauge' },
        intervalMs: 600_000,
        metrics: [
          { name: 'level_m', names: river.metricNames, unit: 'm', plausible: { min: -2, max: 30 }, decimals: 2 },
        ],
      },
    ],
  ]),
  rules: [
    {
      kind: 'threshold',
      id: 'river-flood',
      version: 1,
      names: river.ruleNames,
      profileIds: ['river-gauge'],
      metric: 'level_m',
      direction: 'above',
      levels: [],
      guidance: river.guidance,
    },
  ],
};

const evidence = (value: number, at: Instant): Evidence => ({
  deviceId: 'gauge',
  metric: 'level_m',
  value,
  measuredAt: at,
  receivedAt: at + 1_000,
  limit: 6,
  limitName: 'alarm_3',
  document: 'QĐ 05/2020/QĐ-TTg',
});

/** Quảng Trị with its records on disk and a notifier on a clock that stands still. */
export class Province {
  readonly clock = new VirtualClock(NIGHT + 2_000);
  readonly metrics = new MetricsRegistry();
  readonly logged: Record<string, unknown>[] = [];
  readonly outbox: WatchedOutbox;
  readonly contacts: SqlContactBook;
  private readonly counts = new NotifierMetrics(this.metrics);
  private notifier: Notifier | null = null;

  private constructor(
    readonly folder: string,
    readonly records: RecordsDatabase,
  ) {
    this.outbox = new WatchedOutbox(records);
    this.contacts = new SqlContactBook(records);
  }

  static async open(): Promise<Province> {
    const folder = await mkdtemp(join(tmpdir(), 'canh-notifier-'));
    const records = await openRecords(join(folder, 'records.sqlite'), { waitMs: 1 });
    const desk = new SqlInventoryDesk(records);
    await desk.putArea({
      id: 'quang-tri',
      names: { vi: 'tỉnh Quảng Trị', en: 'Quảng Trị province' },
      parentId: null,
      validFrom: null,
      validTo: null,
    });
    for (const [id, name] of [
      ['thach-han', 'Thạch Hãn'],
      ['dong-ha', 'Đông Hà'],
    ] as const)
      await desk.putStation({
        id,
        names: { vi: name, en: name },
        areaId: 'quang-tri',
        ownerUnit: 'Đài KTTV',
        position: { latitude: 16.75, longitude: 107.18 },
        profileId: 'river-gauge',
        limits: river.limits,
      });
    return new Province(folder, records);
  }

  async tells(contact: Partial<Contact> & { id: string }): Promise<void> {
    await this.contacts.put({
      name: contact.id,
      channel: 'email',
      address: `${contact.id}@example.vn`,
      language: 'vi',
      fromSeverity: 'warning',
      ...contact,
    });
  }

  /** The rule says that a flood began; returns the alert's id. */
  async floods(stationId = 'thach-han', severity: Severity = 'critical', at: Instant = NIGHT): Promise<string> {
    await this.says({ kind: 'raised', severity, since: at, at, evidence: evidence(6.12, at), ...this.of(stationId) });
    return `river-flood.${stationId}.${at.toString(36)}`;
  }

  async falls(stationId = 'thach-han', at: Instant = NIGHT + 60_000): Promise<void> {
    await this.says({ kind: 'returned', previous: 'critical', at, evidence: evidence(5.7, at), ...this.of(stationId) });
  }

  /** From now on the records refuse to hold what this alert's notices are told by. */
  breaks(alertId: string): DatabaseSync {
    const database = new DatabaseSync(join(this.folder, 'records.sqlite'));
    database.exec(`create trigger breaks before insert on told
      when new.notice_id like '${alertId}.%' begin select raise(abort, 'broken'); end`);
    return database;
  }

  start(channels: readonly Channel[], changes: Partial<NotifierParts> = {}): Notifier {
    const names = new NoticeNames(new SqlRegistry(this.records), catalogue, 'https://canh.example.vn');
    this.notifier = new Notifier({
      outbox: this.outbox,
      contacts: this.contacts,
      channels,
      addresses: new ClosedChannel('email', 'not here'),
      contextOf: (alert) => names.of(alert),
      scheduler: this.clock,
      random: () => 0.5,
      deliveriesAtOnce: 5,
      bounds: USUAL_BOUNDS,
      metrics: this.counts,
      log: pino({ base: null, timestamp: false }, { write: (line) => void this.logged.push(JSON.parse(line)) }),
      ...changes,
    });
    this.notifier.start();
    return this.notifier;
  }

  /** Lets the clock run, slowly, until `condition` holds. */
  async until(condition: () => boolean | Promise<boolean>): Promise<void> {
    await expect
      .poll(
        () => {
          this.clock.advance(50);
          return condition();
        },
        { interval: 5, timeout: 20_000 },
      )
      .toBe(true);
  }

  /** Resolves with the deliveries of an alert once `condition` is true of them. */
  async deliveries(alertId: string, condition: (of: readonly DeliveryRecord[]) => boolean): Promise<DeliveryRecord[]> {
    let found: DeliveryRecord[] = [];
    await this.until(async () => condition((found = await this.outbox.ofAlert(alertId))));
    return found;
  }

  /** Resolves once the channel has been looked at that many times from now on. */
  async looks(channel: ChannelName, times = 1): Promise<void> {
    const before = this.outbox.looks.length;
    await this.until(() => this.outbox.looks.slice(before).filter((look) => look.channel === channel).length >= times);
  }

  async close(): Promise<void> {
    const stopping = this.notifier?.stop();
    this.clock.advance(10_000);
    await stopping;
    await this.records.destroy();
    await rm(this.folder, { recursive: true, force: true });
  }

  private of(stationId: string): { ruleId: string; ruleVersion: number; stationId: string } {
    return { ruleId: 'river-flood', ruleVersion: 1, stationId };
  }

  private async says(transition: Transition): Promise<void> {
    expect(await new SqlAlertStore(this.records).apply([transition], this.clock.now())).toBe(1);
  }
}
