import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { openRecords } from '@canh/adapters/records-sql/open-records';
import { loadServerKey } from '@canh/adapters/records-sql/server-key';
import { SqlContactBook } from '@canh/adapters/records-sql/sql-contact-book';
import { SqlCredentialDesk } from '@canh/adapters/records-sql/sql-credential-desk';
import { SqlInventoryDesk } from '@canh/adapters/records-sql/sql-inventory-desk';
import { CommonSettings } from '@canh/runtime/common.settings';
import { run, type Running } from '@canh/runtime/run';
import { processEnvironment, readSettings, type Environment } from '@canh/runtime/settings';
import { Fleet } from '@canh/simulators/fleet';
import { startMailbox } from '@canh/simulators/mailbox';
import { play, type PlayProgress } from '@canh/simulators/play';
import { sampleProvince } from '@canh/simulators/province/quang-tri';
import { STORIES, storyNamed } from '@canh/simulators/stories/all';
import { print } from './output.js';
import { putProvince } from './simulate-command.js';

const USUAL_PORTS = { CANH_HTTP_PORT: 8080, CANH_MQTT_PORT: 1883, CANH_WS_PORT: 8083 } as const;
const TELL_EVERY_MS = 15_000;

/** What a person may choose for a demonstration. Anything else that is set is meant for a real Canh, whose stores and mail must stay out of it. */
const CHOICES: ReadonlySet<string> = new Set([
  ...Object.keys(USUAL_PORTS),
  'CANH_HOST',
  'CANH_DEVICES_DIR',
  'CANH_LANGUAGE',
  'CANH_TIMEZONE',
  'CANH_LOG_LEVEL',
  'CANH_ADMIN_PASSWORD',
]);

function forDemo(environment: Environment): Environment {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith('CANH_') || CHOICES.has(name)),
  );
}

/** The usual ports where they are free and nobody chose others: a demonstration must not fail for a port. */
async function freePorts(environment: Environment, host: string): Promise<Record<string, string>> {
  const chosen: Record<string, string> = {};
  for (const [name, port] of Object.entries(USUAL_PORTS)) {
    if (environment[name] !== undefined) continue;
    const free = await new Promise<boolean>((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(false));
      probe.listen(port, host, () => probe.close(() => resolve(true)));
    });
    chosen[name] = free ? String(port) : '0';
  }
  return chosen;
}

/** The sample province, its devices' tokens, and the people who are told there. */
async function setUp(dataDir: string): Promise<{ deviceId: string; token: string }[]> {
  const records = await openRecords(join(dataDir, 'records.sqlite'));
  try {
    const contacts = new SqlContactBook(records);
    for (const contact of sampleProvince().contacts) await contacts.put(contact);
    return await putProvince({
      inventory: new SqlInventoryDesk(records),
      credentials: new SqlCredentialDesk(records, await loadServerKey(dataDir)),
    });
  } finally {
    await records.destroy();
  }
}

/** Everything at once on a temporary folder: a province whose river rises, the alert, and the e-mail that reached the duty officer. */
async function startDemo(storyName: string): Promise<Running> {
  const story = storyNamed(storyName);
  const given = forDemo(processEnvironment());
  const { host } = readSettings(CommonSettings, given);
  const dataDir = await mkdtemp(join(tmpdir(), 'canh-demo-'));
  const undo: (() => Promise<unknown>)[] = [
    () => rm(dataDir, { recursive: true, force: true }),
    async () => print('Đã dừng, dữ liệu tạm được xoá / stopped, the temporary data is removed.'),
  ];
  const close = async (): Promise<void> => {
    for (const step of undo.toReversed()) await step();
  };
  try {
    print('Chuẩn bị tỉnh mẫu / setting up a sample province …');
    const tokens = await setUp(dataDir);
    const mailbox = await startMailbox({ host: '127.0.0.1', smtpPort: 0, httpPort: 0 });
    undo.push(() => mailbox.close());
    const { startCanh } = await import('../canh.js');
    const canh = await startCanh(
      {
        CANH_LOG_LEVEL: 'warn',
        CANH_MAIL_FROM: 'canh@quangtri.example',
        ...(await freePorts(given, host)),
        ...given,
        CANH_DATA_DIR: dataDir,
        CANH_SMTP_URL: mailbox.smtpUrl,
        CANH_DEMO_INBOX_URL: mailbox.url,
      },
      print,
    );
    undo.push(() => canh.close());
    print(`\n  Trang trực ban / console:  ${canh.consoleUrl}\n  Hộp thư thử / mailbox:     ${mailbox.url}\n`);

    const fleet = await Fleet.start({ url: canh.mqttUrl, devices: tokens });
    undo.push(() => fleet.stop());
    print(`${story.names.vi} / ${story.names.en}: ${tokens.length} thiết bị / devices → ${canh.mqttUrl}`);
    const mails = mailbox.mailReceived.subscribe(({ subject, to }) => print(`  ✉ ${to.join(', ')}: ${subject}`));
    undo.push(async () => mails.unsubscribe());

    const stop = new AbortController();
    let latest: PlayProgress | undefined;
    const tell = setInterval(() => {
      if (latest !== undefined)
        print(
          `  ${latest.acknowledged} bản tin đã ghi / reports on disk · câu chuyện chậm hơn hiện tại / story behind now: ${Math.round(latest.behindMs / 1000)} s`,
        );
    }, TELL_EVERY_MS);
    const told = play({
      story,
      seed: 1,
      fleet,
      devices: sampleProvince().devices,
      signal: stop.signal,
      onProgress: (progress) => (latest = progress),
    });
    told.then(
      ({ ended }) => ended && print('Câu chuyện đã hết; trang vẫn mở / the story has ended, the console stays open.'),
      (error: Error) => print(`Mô phỏng dừng / the simulation stopped: ${error.message}`),
    );
    undo.push(async () => {
      clearInterval(tell);
      stop.abort();
      await told.catch(() => undefined);
    });
    return { close };
  } catch (error) {
    await close();
    throw error;
  }
}

export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('run Canh with a simulated province on a temporary data folder')
    .option('--story <name>', `what happens there: ${STORIES.map(({ name }) => name).join(', ')}`, 'flood-night')
    .action(({ story }: { story: string }) => run(() => startDemo(story)));
}
