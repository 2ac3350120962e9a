import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Fleet } from '@canh/simulators/fleet';
import { ADMIN_PASSWORD, CanhProcess, Program, type Settings, temporaryFolder } from '../support/canh-process.js';
import { eventually } from '../support/eventually.js';
import { SmtpInbox } from '../support/smtp-inbox.js';
import { steadyPort } from '../support/steady-port.js';
import { riverProvince } from './river-province.js';

const MINUTE_MS = 60_000;
const DOCS = join(import.meta.dirname, '../../docs/grafana');
/** What DESIGN.md promises to whoever watches Canh. */
const PROMISED = [
  'canh_readings_received_total',
  'canh_readings_stored_total',
  'canh_readings_duplicate_total',
  'canh_readings_quarantined_total',
  'canh_journal_lag_messages',
  'canh_journal_lag_seconds',
  'canh_mqtt_connections',
  'canh_mqtt_refused_total',
  'canh_rule_evaluations_total',
  'canh_alerts_open',
  'canh_deliveries_total',
  'canh_alert_latency_seconds_bucket',
];

/** The figures of one or more `/metrics`, by name and labels. */
class Figures {
  private readonly values = new Map<string, number>();
  readonly names = new Set<string>();

  static async of(...urls: readonly string[]): Promise<Figures> {
    const figures = new Figures();
    for (const url of urls) {
      const answer = await fetch(`${url}/metrics`);
      for (const line of (await answer.text()).split('\n')) {
        const [, name, labels = '', value] = /^(\w+)(\{.*\})? (\S+)$/.exec(line) ?? [];
        if (name === undefined) continue;
        figures.names.add(name);
        figures.values.set(name + labels, (figures.values.get(name + labels) ?? 0) + Number(value));
      }
    }
    return figures;
  }

  /** Over all labels. */
  sum(name: string): number {
    let sum = 0;
    for (const [key, value] of this.values) if (key === name || key.startsWith(`${name}{`)) sum += value;
    return sum;
  }

  labelled(name: string, label: string): Record<string, number> {
    const found: Record<string, number> = {};
    for (const [key, value] of this.values)
      if (key.startsWith(`${name}{`)) {
        const [, of = ''] = new RegExp(`${label}="([^"]*)"`).exec(key) ?? [];
        found[of] = (found[of] ?? 0) + value;
      }
    return found;
  }
}

describe('/metrics of an application that runs', () => {
  let dataDir: string;
  let inbox: SmtpInbox;
  let settings: Settings;
  let tokens: { deviceId: string; token: string }[];
  let mqttUrl: string;
  let doorUrl: string;
  const running: Program[] = [];
  let fleet: Fleet | null = null;

  beforeEach(async () => {
    dataDir = await temporaryFolder();
    inbox = await SmtpInbox.start();
    tokens = await riverProvince(dataDir, ['thach-han', 'cam-lo']);
    const [http, mqtt, ws] = [await steadyPort(), await steadyPort(), await steadyPort()];
    settings = {
      CANH_DATA_DIR: dataDir,
      CANH_HTTP_PORT: String(http),
      CANH_MQTT_PORT: String(mqtt),
      CANH_WS_PORT: String(ws),
      CANH_SMTP_URL: inbox.url,
      CANH_MAIL_FROM: 'canh@example.vn',
      CANH_ADMIN_PASSWORD: ADMIN_PASSWORD,
      CANH_SELF_REPORT_SECONDS: '0',
      CANH_LOG_LEVEL: 'warn',
    };
    mqttUrl = `mqtt://127.0.0.1:${mqtt}`;
    doorUrl = `http://127.0.0.1:${http}`;
  });
  afterEach(async () => {
    await fleet?.stop();
    fleet = null;
    for (const program of running.splice(0)) await program.kill();
    await inbox.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  /** Three readings with a flood among them, one of them twice, one value that conflicts, and four things that are no readings. */
  const traffic = async (): Promise<void> => {
    fleet = await Fleet.start({ url: mqttUrl, devices: tokens });
    const now = Date.now();
    const at = (minutes: number): number => now - minutes * MINUTE_MS;
    await fleet.publish('thach-han', { ts: at(30), values: { level_m: 1.5 } });
    await fleet.publish('thach-han', { ts: at(20), values: { level_m: 4.2 } });
    await fleet.publish('thach-han', { ts: at(9), values: { level_m: 4.4 } });
    await fleet.publish('thach-han', { ts: at(9), values: { level_m: 4.4 } });
    await fleet.publish('thach-han', { ts: at(20), values: { level_m: 4.3 } });
    await fleet.publish('cam-lo', { ts: at(1), values: { level_m: 'cao', no_such_metric: 1 } });
    await fleet.publish('cam-lo', '{"level_m":');
    expect((await fetch(`${doorUrl}/api/v1/khong-co/telemetry`, { method: 'POST', body: '{}' })).status).toBe(401);
  };

  const expectTrue = async (urls: readonly string[]): Promise<Figures> => {
    let figures!: Figures;
    await eventually(async () => {
      figures = await Figures.of(...urls);
      expect(figures.sum('canh_readings_received_total')).toBe(9);
      const stored = figures.sum('canh_readings_stored_total');
      const duplicate = figures.sum('canh_readings_duplicate_total');
      const quarantined = figures.labelled('canh_readings_quarantined_total', 'reason');
      expect({ stored, duplicate, quarantined }).toEqual({
        stored: 3,
        duplicate: 1,
        quarantined: { conflict: 1, 'not-a-number': 1, 'unknown-metric': 1, 'not-json': 1, refused: 1 },
      });
      expect(figures.sum('canh_deliveries_total')).toBe(1);
    }, 60_000);
    expect(PROMISED.filter((name) => !figures.names.has(name))).toEqual([]);
    expect(figures.sum('canh_messages_received_total')).toBe(8);
    expect(figures.sum('canh_mqtt_connections')).toBe(2);
    expect(figures.labelled('canh_mqtt_refused_total', 'reason')).toEqual({ 'unknown-credential': 1 });
    expect(figures.labelled('canh_alerts_open', 'severity')).toEqual({ warning: 1, major: 0, critical: 0 });
    expect(figures.labelled('canh_deliveries_total', 'outcome')).toEqual({ accepted: 1 });
    expect(figures.sum('canh_alert_latency_seconds_count')).toBe(1);
    expect(figures.sum('canh_rule_evaluations_total')).toBeGreaterThan(0);
    expect(figures.sum('canh_journal_lag_messages')).toBe(0);
    expect(figures.sum('canh_journal_group_messages_sum')).toBe(8);
    expect(figures.sum('canh_journal_commit_seconds_count')).toBeGreaterThan(0);
    expect(figures.sum('canh_journal_bytes_total')).toBeGreaterThan(100);
    expect(figures.sum('canh_processor_batch_seconds_count')).toBeGreaterThan(0);
    expect(figures.sum('canh_store_append_seconds_count')).toBeGreaterThan(0);
    expect(figures.labelled('canh_deliveries_pending', 'channel')).toEqual({ email: 0, webhook: 0 });
    return figures;
  };

  it('adds up in one process, has all that is drawn and alarmed on, and no label without a bound', async () => {
    const canh = await CanhProcess.start({ env: { ...settings, CANH_SELF_REPORT_SECONDS: '0' } });
    running.push(canh.program);
    await traffic();
    const figures = await expectTrue([canh.consoleUrl]);
    const text = await (await fetch(`${canh.consoleUrl}/metrics`)).text();
    const labels = new Set(
      [...text.matchAll(/^canh_\w+\{([^}]*)\}/gm)].flatMap(([, all = '']) =>
        all.split(',').map((one) => one.split('=')[0]),
      ),
    );
    // None of them names a device, a station or an address.
    expect([...labels]).toEqual(expect.arrayContaining(['channel', 'door', 'le', 'outcome', 'reason', 'severity']));
    for (const label of ['device', 'deviceId', 'device_id', 'station', 'address', 'contact', 'rule'])
      expect(labels).not.toContain(label);
    expect(await drawnAndNotThere(figures)).toEqual([]);
  }, 120_000);

  it('adds up in four processes, where each is asked for its own', async () => {
    const [page, notifier] = [await steadyPort(), await steadyPort()];
    const start = (part: string, own: Settings = {}): void =>
      void running.push(new Program(`apps/${part}/src/main.js`, [], { ...settings, ...own }));
    start('broker');
    start('processor');
    start('notifier', { CANH_NOTIFIER_PORT: String(notifier) });
    start('console', { CANH_HTTP_PORT: String(page) });
    const urls = [doorUrl, `http://127.0.0.1:${page}`, `http://127.0.0.1:${notifier}`];
    for (const url of urls)
      await eventually(async () => expect((await fetch(`${url}/health/ready`)).status).toBe(200), 60_000);
    await traffic();
    await expectTrue(urls);
  }, 180_000);
});

/** What is there only where its setting is, or after something went wrong. */
const CONDITIONAL = new Set(['canh_canary_silence_seconds', 'canh_heartbeats_total']);

/** Names of metrics in the dashboard's and the alert rules' expressions that the application does not have. */
async function drawnAndNotThere(figures: Figures): Promise<string[]> {
  const dashboard = JSON.parse(await readFile(join(DOCS, 'canh.json'), 'utf8')) as {
    panels: { targets?: { expr: string }[] }[];
  };
  const rules = parse(await readFile(join(DOCS, 'alerts.yaml'), 'utf8')) as {
    groups: { rules: { expr: string }[] }[];
  };
  const expressions = [
    ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ...rules.groups.flatMap((group) => group.rules.map(({ expr }) => expr)),
  ];
  expect(expressions.length).toBeGreaterThan(20);
  const named = new Set(expressions.flatMap((expr) => expr.match(/\b(?:canh|nodejs|process)_\w+/g) ?? []));
  return [...named].filter((name) => !figures.names.has(name) && !CONDITIONAL.has(name)).toSorted();
}
