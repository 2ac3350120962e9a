import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DigestBody, WebhookBody } from '@canh/adapters/channels/webhook/webhook-body';
import { isPublicAddress } from '@canh/adapters/channels/webhook/public-address';
import { WebhookChannel, type WebhookOptions } from '@canh/adapters/channels/webhook/webhook-channel';
import { eventually } from '../support/eventually.js';
import { certificate, privateKey } from './certificate.js';
import { delivery, digest, HANOI, named, NIGHT, nightClock, river } from './story.js';

const SECRET = 'a-key-of-at-least-thirty-two-characters';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

interface Received {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Receiver {
  readonly port: number;
  readonly received: Received[];
  readonly connections: () => number;
}

async function listening(server: Server, received: Received[]): Promise<Receiver> {
  let connections = 0;
  server.on('connection', () => (connections += 1));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return { port: (server.address() as AddressInfo).port, received, connections: () => connections };
}

const keeping =
  (received: Received[], answer: RequestListener): RequestListener =>
  (request, response) => {
    void buffer(request).then((body) => {
      received.push({ url: request.url ?? '', headers: request.headers, body: body.toString('utf8') });
      answer(request, response);
    });
  };

const thanks: RequestListener = (_request, response) => response.writeHead(204).end();

function http(answer: RequestListener = thanks): Promise<Receiver> {
  const received: Received[] = [];
  return listening(createHttpServer(keeping(received, answer)), received);
}

function https(answer: RequestListener = thanks): Promise<Receiver> {
  const received: Received[] = [];
  return listening(createHttpsServer({ key: privateKey, cert: certificate }, keeping(received, answer)), received);
}

function channel(changes: Partial<WebhookOptions> = {}): WebhookChannel {
  const opened = new WebhookChannel({
    secret: SECRET,
    allowPrivate: true,
    timeZone: HANOI,
    clock: nightClock,
    ...changes,
  });
  closing.push(() => opened.close());
  return opened;
}

const to = (address: string, id = 'delivery-1') => delivery({ id, contact: { channel: 'webhook', address } });

/** What the manual tells receivers to do. */
function isGenuine(secret: string, header: string, body: string, nowSeconds: number): boolean {
  const parts = new Map(header.split(',').map((part) => part.split('=', 2) as [string, string]));
  const seconds = Number(parts.get('t'));
  if (!(Math.abs(nowSeconds - seconds) <= 300)) return false;
  const expected = createHmac('sha256', secret).update(`${seconds}.${body}`).digest();
  const given = Buffer.from(parts.get('v1') ?? '', 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

describe('a webhook', () => {
  it('gets many alerts at once as a list, each as it was last and with its course', async () => {
    const receiver = await http();
    const many = digest(3, { channel: 'webhook', address: `http://127.0.0.1:${receiver.port}/` });
    await channel().sendDigest(many, named(many));
    await channel().sendDigest(many, named(many));
    const [request, again] = receiver.received;
    expect(again?.body).toBe(request?.body);
    expect(request?.headers['idempotency-key']).toBe('ZGlnZXN0');
    expect(
      isGenuine(SECRET, String(request?.headers['canh-signature']), request?.body ?? '', nightClock.now() / 1_000),
    ).toBe(true);
    const body = JSON.parse(request?.body ?? '') as DigestBody;
    expect(body).toMatchObject({ version: 1, id: 'ZGlnZXN0', event: 'digest', createdAt: NIGHT + 60_000 });
    expect(body.incidents).toHaveLength(3);
    expect(body.incidents[2]).toMatchObject({
      event: 'returned',
      alert: { id: 'river-flood.tram-2.x', stationId: 'tram-2', worst: 'critical' },
      evidence: { value: 6.12, unit: 'm' },
      names: { station: { vi: 'Thạch Hãn' } },
      url: 'https://canh.example.vn/alerts/river-flood.tram-2.x',
      course: [
        { event: 'raised', severity: 'critical', measuredAt: NIGHT },
        { event: 'returned', severity: 'critical', measuredAt: NIGHT },
      ],
    });
    expect(body.text.plain).toContain('alerts/river-flood.tram-1.x');
  });

  it('gets the alert as JSON with the words that a person would read', async () => {
    const receiver = await http((_request, response) => response.writeHead(200).end('{"ok":true}'));
    expect(await channel().send(to(`http://127.0.0.1:${receiver.port}/hook?a=b`), river)).toEqual({
      kind: 'accepted',
      answer: 'HTTP 200 OK: {"ok":true}',
    });
    const [request] = receiver.received;
    expect(request?.url).toBe('/hook?a=b');
    expect(request?.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(request?.headers['idempotency-key']).toBe('delivery-1');
    const body = JSON.parse(request?.body ?? '') as WebhookBody;
    expect(body).toMatchObject({
      version: 1,
      id: 'delivery-1',
      event: 'raised',
      alert: { id: 'river-flood.thach-han.mi1abc', state: 'active', severity: 'critical', stationId: 'thach-han' },
      evidence: { value: 6.12, unit: 'm', measuredAt: NIGHT, limit: 6, limitName: 'alarm_3' },
      names: { station: { vi: 'Thạch Hãn' } },
      url: 'https://canh.example.vn/alerts/river-flood.thach-han.mi1abc',
    });
    expect(body.text.headline).toBe('Mực nước Thạch Hãn 6,12 m, trên BĐ3 0,12 m');
    expect(body.text.plain).toContain('Việc cần làm:');
  });

  it('T18 is signed so that the sample in the manual knows it from a forged or an old one', async () => {
    const receiver = await http();
    await channel().send(to(`http://127.0.0.1:${receiver.port}/`), river);
    const [request] = receiver.received;
    const header = String(request?.headers['canh-signature']);
    const body = request?.body ?? '';
    const now = Math.floor(nightClock.now() / 1_000);
    expect(isGenuine(SECRET, header, body, now)).toBe(true);
    expect(isGenuine(SECRET, header, body.replace('6.12', '5.12'), now)).toBe(false);
    expect(isGenuine(SECRET, header.replace(/t=\d+/, `t=${now + 1}`), body, now)).toBe(false);
    expect(isGenuine(`${SECRET}!`, header, body, now)).toBe(false);
    expect(isGenuine(SECRET, header, body, now + 301)).toBe(false);
  });

  it('is the same to the last byte at every attempt, and unsigned without a key', async () => {
    const receiver = await http();
    const address = `http://127.0.0.1:${receiver.port}/`;
    await channel().send(to(address), river);
    await channel({ secret: null, clock: { now: () => NIGHT + 3_600_000 } }).send(to(address), river);
    const [first, second] = receiver.received;
    expect(second?.body).toBe(first?.body);
    expect(second?.headers['idempotency-key']).toBe(first?.headers['idempotency-key']);
    expect(second?.headers['canh-signature']).toBeUndefined();
  });
});

describe('what a receiver answers', () => {
  it.each<[number, 'accepted' | 'refused' | 'failed']>([
    [200, 'accepted'],
    [201, 'accepted'],
    [204, 'accepted'],
    [301, 'refused'],
    [302, 'refused'],
    [307, 'refused'],
    [400, 'refused'],
    [401, 'refused'],
    [404, 'refused'],
    [408, 'failed'],
    [410, 'refused'],
    [422, 'refused'],
    [425, 'failed'],
    [429, 'failed'],
    [500, 'failed'],
    [502, 'failed'],
    [503, 'failed'],
  ])('%d', async (status, kind) => {
    const receiver = await http((_request, response) =>
      response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end('why'),
    );
    const outcome = await channel().send(to(`http://127.0.0.1:${receiver.port}/`), river);
    expect(outcome.kind).toBe(kind);
    expect(outcome.answer).toMatch(new RegExp(`^HTTP ${status} `));
    expect(receiver.connections()).toBe(1);
  });

  it('a page without end: its beginning is kept, as one line', async () => {
    const receiver = await http((_request, response) => {
      response.writeHead(500);
      response.on('close', () => clearInterval(timer));
      const timer = setInterval(() => response.write(`<h1>oops</h1>\r\n${'x'.repeat(64 * 1024)}`), 1);
    });
    const outcome = await channel().send(to(`http://127.0.0.1:${receiver.port}/`), river);
    expect(outcome.kind).toBe('failed');
    expect(outcome.answer).toMatch(/^HTTP 500 Internal Server Error: <h1>oops<\/h1> x+…$/);
    expect(outcome.answer.length).toBeLessThanOrEqual(300);
  });

  it('a yes whose page drips for ever is a yes', async () => {
    const receiver = await http((_request, response) => {
      response.writeHead(200).write('o');
      const timer = setInterval(() => response.write('o'), 10);
      response.on('close', () => clearInterval(timer));
    });
    const address = to(`http://127.0.0.1:${receiver.port}/`);
    // A machine that is so busy that not even the status came in time is asked once more.
    await eventually(async () => {
      const outcome = await channel({ deadlineMs: 200 }).send(address, river);
      expect(outcome).toMatchObject({ kind: 'accepted' });
    });
  });

  it('nothing, until the time is over', async () => {
    const receiver = await http(() => {});
    const outcome = await channel({ deadlineMs: 200 }).send(to(`http://127.0.0.1:${receiver.port}/`), river);
    expect(outcome).toEqual({ kind: 'failed', answer: 'No answer within 0.2 s.' });
  });

  it('headers without end, or something that is no HTTP', async () => {
    for (const answer of ['HTTP/1.1 200 OK\r\n' + 'a: b\r\n'.repeat(10_000), 'SSH-2.0-OpenSSH_9.2\r\n']) {
      const server = createTcpServer((socket) => {
        socket.on('error', () => {}).resume();
        socket.write(answer);
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      closing.push(() => new Promise((resolve) => server.close(resolve)));
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      expect(await channel({ deadlineMs: 1_000 }).send(to(address), river)).toMatchObject({ kind: 'failed' });
    }
  });

  it('no connection, no name, and a name server that is silent', async () => {
    const receiver = await http();
    const address = `http://127.0.0.1:${receiver.port}/`;
    await closing.pop()?.();
    expect((await channel().send(to(address), river)).answer).toMatch(/ECONNREFUSED/);
    const unknown = channel({
      resolve: () => Promise.reject(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })),
    });
    expect(await unknown.send(to('https://no.such.test/'), river)).toMatchObject({
      kind: 'failed',
      answer: expect.stringMatching(/ENOTFOUND/),
    });
    const silent = channel({ deadlineMs: 50, resolve: () => new Promise(() => {}) });
    expect(await silent.send(to('https://no.such.test/'), river)).toEqual({
      kind: 'failed',
      answer: 'No answer within 0.05 s.',
    });
    expect(
      await channel({ resolve: () => Promise.resolve([]) }).send(to('https://no.such.test/'), river),
    ).toMatchObject({ kind: 'failed' });
  });

  it('is given up when the channel is closed', async () => {
    const receiver = await http(() => {});
    const hooks = channel();
    const sending = hooks.send(to(`http://127.0.0.1:${receiver.port}/`), river);
    await eventually(() => expect(receiver.received).toHaveLength(1));
    await hooks.close();
    expect(await sending).toEqual({ kind: 'failed', answer: 'Given up because the notifier stops.' });
  });
});

describe('a webhook over https', () => {
  const trusted = getCACertificates();
  beforeAll(() => setDefaultCACertificates([...trusted, certificate]));
  afterAll(() => setDefaultCACertificates(trusted));

  it('goes to the address that was looked at, under the name that was asked for', async () => {
    const receiver = await https();
    let asked = 0;
    const resolve = () => {
      asked += 1;
      return Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
    };
    const outcome = await channel({ resolve }).send(to(`https://hooks.test:${receiver.port}/x`), river);
    expect(outcome).toMatchObject({ kind: 'accepted' });
    expect(receiver.received[0]?.headers.host).toBe(`hooks.test:${receiver.port}`);
    expect(asked).toBe(1);
  });

  it('stops at a certificate for another name', async () => {
    const receiver = await https();
    const resolve = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
    const outcome = await channel({ resolve }).send(to(`https://other.test:${receiver.port}/`), river);
    expect(outcome.kind).toBe('failed');
    expect(outcome.answer).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID/);
    expect(receiver.received).toHaveLength(0);
  });

  it('stops at a certificate that nobody vouches for', async () => {
    setDefaultCACertificates(trusted);
    try {
      const receiver = await https();
      const outcome = await channel().send(to(`https://localhost:${receiver.port}/`), river);
      expect(outcome.kind).toBe('failed');
      expect(receiver.received).toHaveLength(0);
    } finally {
      setDefaultCACertificates([...trusted, certificate]);
    }
  });
});

describe('T17 an address inside our own network', () => {
  const SPELLINGS = [
    // this machine
    'https://127.0.0.1/',
    'https://127.1/',
    'https://127.0.1/',
    'https://127.255.255.254/',
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0x7f.0.0.1/',
    'https://0x7F.1/',
    'https://0177.0.0.1/',
    'https://017700000001/',
    'https://0/',
    'https://0.0.0.0/',
    'https://0.1.2.3/',
    'https://%31%32%37.0.0.1/',
    'https://１２７.0.0.1/',
    'https://127。0。0。1/',
    'https://①②⑦.0.0.1/',
    'https://localhost/',
    'https://LOCALHOST/',
    'https://localhost./',
    'https://[::1]/',
    'https://[0:0:0:0:0:0:0:1]/',
    'https://[::]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://[::127.0.0.1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://[64:ff9b:1::7f00:1]/',
    'https://[2002:7f00:1::]/',
    'https://[2001:0:7f00:1::]/',
    'https://127.0.0.1:8080/admin',
    'https://example.com@127.0.0.1/',
    'https://127.0.0.1#@example.com/',
    'https://127.0.0.1\\@example.com/',
    'https:127.0.0.1/',
    'https:/127.0.0.1/',
    'https:///127.0.0.1/',
    '\thttps://127.0.0.1/',
    'https://127.0.\n0.1/',
    // the network
    'https://10.0.0.1/',
    'https://10.255.255.255/',
    'https://172.16.0.1/',
    'https://172.31.255.255/',
    'https://192.168.1.1/',
    'https://100.64.0.1/',
    'https://100.127.255.255/',
    'https://198.18.0.1/',
    'https://[fc00::1]/',
    'https://[fd12:3456::1]/',
    'https://[fe80::1]/',
    'https://[fec0::1]/',
    'https://[::ffff:10.0.0.1]/',
    'https://[::ffff:0:10.0.0.1]/',
    // the cloud's metadata
    'https://169.254.169.254/latest/meta-data/',
    'https://2852039166/',
    'https://0xA9FEA9FE/',
    'https://0251.0376.0251.0376/',
    'https://[::ffff:169.254.169.254]/',
    'https://[64:ff9b::a9fe:a9fe]/',
    'https://[fd00:ec2::254]/',
    // nobody in particular
    'https://255.255.255.255/',
    'https://224.0.0.1/',
    'https://240.0.0.1/',
    'https://[ff02::1]/',
    'https://192.0.2.1/',
    'https://198.51.100.1/',
    'https://203.0.113.1/',
    'https://[2001:db8::1]/',
    // no https, or no URL
    'http://example.com/',
    'ftp://127.0.0.1/',
    'file:///etc/passwd',
    'gopher://127.0.0.1:25/_HELO',
    'data:text/plain,x',
    'javascript:alert(1)',
    '//127.0.0.1/',
    '127.0.0.1',
    'https://',
    'https://256.0.0.1/',
    'https://[fe80::1%25eth0]/',
    'https://user:password@example.com/',
    `https://example.com/${'a'.repeat(3_000)}`,
    '',
  ];

  it.each(SPELLINGS)('%j is refused and nothing is connected', async (address) => {
    const tried: string[] = [];
    const resolve = (host: string) => {
      tried.push(host);
      return Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
    };
    const outcome = await channel({ allowPrivate: false, resolve }).send(to(address), river);
    expect(outcome).toMatchObject({ kind: 'refused' });
    expect(outcome.answer).toMatch(/not on the public internet|not a URL|not an https URL|user name or a password/);
    // Only names are asked for, and those that stand for this machine by themselves.
    expect(tried.every((host) => /^localhost\.?$/.test(host))).toBe(true);
  });

  it('is found behind a name, even when it is one address of several', async () => {
    const receiver = await https();
    const resolve = () =>
      Promise.resolve([
        { address: '3ffe::1', family: 6 },
        { address: '127.0.0.1', family: 4 },
      ]);
    const outcome = await channel({ allowPrivate: false, resolve }).send(
      to(`https://hooks.test:${receiver.port}/`),
      river,
    );
    expect(outcome).toEqual({
      kind: 'refused',
      answer:
        'hooks.test is at 127.0.0.1, which is not on the public internet. Set CANH_WEBHOOK_ALLOW_PRIVATE if it is meant.',
    });
    expect(receiver.connections()).toBe(0);
  });

  it('is not reached by a name that changes its answer after the look', async () => {
    const receiver = await https();
    // 3ffe::/16 was given back: it looks public, and nothing is there.
    const answers = [{ address: '3ffe::1', family: 6 }];
    let asked = 0;
    const resolve = () => {
      asked += 1;
      return Promise.resolve([answers.shift() ?? { address: '127.0.0.1', family: 4 }]);
    };
    const outcome = await channel({ allowPrivate: false, deadlineMs: 200, resolve }).send(
      to(`https://hooks.test:${receiver.port}/`),
      river,
    );
    expect(outcome.kind).toBe('failed');
    expect(asked).toBe(1);
    expect(receiver.connections()).toBe(0);
  });

  it('is not reached through a redirect', async () => {
    const inside = await http();
    const outside = await http((_request, response) =>
      response.writeHead(302, { location: `http://127.0.0.1:${inside.port}/` }).end(),
    );
    expect(await channel().send(to(`http://127.0.0.1:${outside.port}/`), river)).toMatchObject({ kind: 'refused' });
    expect(inside.connections()).toBe(0);
  });

  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '172.15.255.255',
    '172.32.0.1',
    '100.63.255.255',
    '100.128.0.1',
    '169.253.0.1',
    '198.17.0.1',
    '223.255.255.255',
    '2606:4700::1111',
    '2a00:1450::1',
  ])('%s is a public address', (address) => expect(isPublicAddress(address)).toBe(true));

  it.each(['', 'x', '1.1.1', '::ffff:1.1.1.1', '2001:1::1', '3fff::1', '5f00::1', '::', '100::1'])(
    '%j is not',
    (address) => expect(isPublicAddress(address)).toBe(false),
  );
});
