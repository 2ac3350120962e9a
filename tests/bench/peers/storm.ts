// Devices whose server goes away and comes back: PORT COUNT FILE, with a token a line, or an id and a password. All connect, say `there`, and
// dial again whenever they are hung up on: each a second later, as clients do, all of them at once. When they are back they say how it went.
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

const KEEP_ALIVE_S = 600;
const AGAIN_AFTER_MS = 1_000;
/** Firmware waits no longer for a CONNACK. */
const PATIENCE_MS = 15_000;

const [, port, count, file = ''] = process.argv.slice(2);
const logins = readFileSync(file, 'utf8').trim().split('\n');
const wanted = Number(count);
const there = new Set<number>();
let storm = { refused: 0, timedOut: 0, hungUp: 0, notThere: 0 };
let [lostAt, firstAt] = [0, 0];

const field = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
};

function dial(nth: number): void {
  const socket = connect({ port: Number(port), host: '127.0.0.1' });
  const login = logins[nth % logins.length]!.split(' ').map(field);
  const flags = Buffer.from([4, login.length === 2 ? 0xc2 : 0x82, KEEP_ALIVE_S >> 8, KEEP_ALIVE_S & 255]);
  const body = Buffer.concat([field('MQTT'), flags, field(`storm-${nth}`), ...login]);
  let how: keyof typeof storm | null = 'notThere';
  socket.once('connect', () => {
    how = 'hungUp';
    socket.write(Buffer.concat([Buffer.from([0x10, body.length]), body]));
  });
  const impatient = setTimeout(() => {
    how = 'timedOut';
    socket.destroy();
  }, PATIENCE_MS);
  socket.once('data', (answer: Buffer) => {
    clearTimeout(impatient);
    if (answer[3] !== 0) return void (how = 'refused');
    how = null;
    there.add(nth);
    if (firstAt === 0) firstAt = performance.now();
    if (there.size === wanted) allThere();
  });
  socket.on('error', () => undefined);
  socket.once('close', () => {
    clearTimeout(impatient);
    if (how !== null) storm[how] += 1;
    else if (there.size === wanted) [lostAt, firstAt] = [performance.now(), 0];
    there.delete(nth);
    setTimeout(dial, AGAIN_AFTER_MS, nth);
  });
}

function allThere(): void {
  const now = performance.now();
  const said = lostAt === 0 ? 'there' : 'back';
  console.log(
    JSON.stringify({ [said]: wanted, ...storm, downS: (firstAt - lostAt) / 1_000, seconds: (now - firstAt) / 1_000 }),
  );
  storm = { refused: 0, timedOut: 0, hungUp: 0, notThere: 0 };
}

process.on('SIGTERM', () => process.exit(0));
for (let nth = 0; nth < wanted; nth += 1) dial(nth);
