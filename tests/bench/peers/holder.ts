// Opens MQTT connections as fast as they are accepted, and holds them until it is told to stop: PORT COUNT TOKENS_FILE [CA_FILE, for TLS].
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** Under way at once. */
const DIALLING = 128;
const KEEP_ALIVE_S = 600;

const [, port, count, tokensFile = '', caFile] = process.argv.slice(2);
const tokens = tokensFile === '' ? [''] : readFileSync(tokensFile, 'utf8').trim().split('\n');
const ca = caFile === undefined ? null : readFileSync(caFile);
const wanted = Number(count);
let [dialled, connected, refused] = [0, 0, 0];
const from = performance.now();
const held = new Set<Socket>();

const field = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
};

function dial(): void {
  const nth = dialled;
  dialled += 1;
  const to = { port: Number(port), host: '127.0.0.1' };
  const socket = ca === null ? connect(to) : connectTls({ ...to, ca, servername: 'localhost' });
  held.add(socket);
  const who = [field(`held-${nth}`), field(tokens[nth % tokens.length] ?? '')];
  const flags = Buffer.from([4, 0x82, KEEP_ALIVE_S >> 8, KEEP_ALIVE_S & 255]);
  const body = Buffer.concat([field('MQTT'), flags, ...who]);
  socket.once(ca === null ? 'connect' : 'secureConnect', () =>
    socket.write(Buffer.concat([Buffer.from([0x10, body.length]), body])),
  );
  let answered = false;
  socket.once('data', (answer: Buffer) => {
    answered = true;
    settled(answer[3] === 0);
  });
  socket.on('error', () => undefined);
  socket.once('close', () => {
    held.delete(socket);
    if (!answered) settled(false);
  });
}

function settled(well: boolean): void {
  if (well) connected += 1;
  else refused += 1;
  if (dialled < wanted) dial();
  if (connected + refused === wanted)
    console.log(JSON.stringify({ connected, refused, seconds: (performance.now() - from) / 1_000 }));
}

process.on('SIGTERM', () => process.exit(0));
for (let nth = 0; nth < Math.min(DIALLING, wanted); nth += 1) dial();
