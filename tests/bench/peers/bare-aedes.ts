// Aedes as it comes: it admits everybody and keeps nothing. `concurrency: 0` as in Canh. With a folder as its argument it writes Canh's
// journal there before each PUBACK, and does nothing else of what Canh does.
import { createServer, type AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Aedes, type AuthorizePublishHandler } from 'aedes';
import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';

const [, folder] = process.argv.slice(2);
const journal = folder === undefined ? null : await FileJournalWriter.open(folder);
const authorizePublish: AuthorizePublishHandler = (client, packet, done) => {
  if (journal === null) return done(null);
  const payload = packet.payload as Buffer;
  const message = { kind: 'telemetry', deviceId: client?.id ?? '', receivedAt: Date.now(), payload } as const;
  journal.append(message).then(() => done(null), done);
};
const aedes = await Aedes.createBroker({ concurrency: 0, authorizePublish });
const delay = monitorEventLoopDelay({ resolution: 10 });
delay.enable();
let asked = 0;
process.on('SIGUSR2', () => {
  console.log(`loop delay ${(asked += 1)}: ${delay.percentile(99) / 1e6} ms`);
  delay.reset();
});
const server = createServer({ noDelay: true }, aedes.handle);
server.listen(0, '127.0.0.1', () => console.log(`listening on ${(server.address() as AddressInfo).port}`));
process.on('SIGTERM', () => process.exit(0));
