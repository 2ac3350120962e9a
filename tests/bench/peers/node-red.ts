import { existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { output, start, type Started } from '../processes.js';

const PACKAGES = ['node-red@4.1.15', 'node-red-contrib-influxdb@0.7.0'];
const PEERS = fileURLToPath(new URL('../../../node_modules/.cache/peers', import.meta.url));
const PROGRAM = join(PEERS, 'node_modules/node-red/red.js');

/** Why there is no Node-RED here, or null. */
export function missing(): string | null {
  return existsSync(PROGRAM) ? null : 'Node-RED is not installed (npm run bench -- --peers)';
}

/** Installs it where it is nobody's dependency. Throws when the registry does not answer. */
export async function install(): Promise<void> {
  if (missing() === null) return;
  await mkdir(PEERS, { recursive: true });
  await writeFile(join(PEERS, 'package.json'), '{ "private": true }');
  output('npm', [
    'install',
    '--prefix',
    PEERS,
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    '--save-exact',
    ...PACKAGES,
  ]);
}

/** MQTT in → JSON → a point → join 1,000 → InfluxDB batch, into whatever speaks InfluxDB 1.x at `store`. */
export async function startNodeRed(folder: string, brokerPort: number, store: string): Promise<Started> {
  const userDir = join(folder, 'node-red');
  await mkdir(userDir, { recursive: true });
  await symlink(join(PEERS, 'node_modules'), join(userDir, 'node_modules'));
  await writeFile(join(userDir, 'flows.json'), JSON.stringify(flow(brokerPort, new URL(store))));
  const settings = {
    flowFile: 'flows.json',
    httpAdminRoot: false,
    httpNodeRoot: false,
    uiPort: 0,
    diagnostics: { enabled: false },
  };
  await writeFile(
    join(userDir, 'settings.js'),
    `module.exports = { ...${JSON.stringify(settings)}, logging: { console: { level: 'info' } } };`,
  );
  const server = start(process.execPath, [PROGRAM, '--userDir', userDir], { HOME: userDir });
  await server.line(/Connected to broker/);
  return server;
}

function flow(brokerPort: number, store: URL): unknown[] {
  // An id that is a word of another node's settings would be taken for a reference to it.
  const after = (id: string): Record<string, unknown> => ({ z: 'n-flow', wires: [[`n-${id}`]] });
  return [
    { id: 'n-flow', type: 'tab', label: 'telemetry' },
    {
      id: 'n-broker',
      type: 'mqtt-broker',
      broker: '127.0.0.1',
      port: String(brokerPort),
      autoConnect: true,
      protocolVersion: '4',
      keepalive: '60',
      cleansession: true,
    },
    {
      id: 'n-store',
      type: 'influxdb',
      influxdbVersion: '1.x',
      hostname: store.hostname,
      port: store.port,
      protocol: 'http',
      database: 'canh',
    },
    {
      id: 'n-in',
      type: 'mqtt in',
      topic: 'v1/+/telemetry',
      qos: '0',
      datatype: 'utf8',
      broker: 'n-broker',
      ...after('json'),
    },
    { id: 'n-json', type: 'json', property: 'payload', action: 'obj', ...after('point') },
    {
      id: 'n-point',
      type: 'function',
      outputs: 1,
      func:
        "const { ts, values } = msg.payload; const [, device] = msg.topic.split('/');\n" +
        "return { payload: { measurement: 'telemetry', fields: values, tags: { device }, timestamp: ts } };",
      ...after('join'),
    },
    {
      id: 'n-join',
      type: 'join',
      mode: 'custom',
      build: 'array',
      property: 'payload',
      propertyType: 'msg',
      accumulate: false,
      timeout: '1',
      count: '1000',
      ...after('batch'),
    },
    {
      id: 'n-batch',
      type: 'influxdb batch',
      influxdb: 'n-store',
      precision: 'ms',
      retentionPolicy: '',
      z: 'n-flow',
      wires: [],
    },
  ];
}
