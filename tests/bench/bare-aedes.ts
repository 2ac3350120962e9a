// Aedes as it comes: it admits everybody and keeps nothing. `concurrency: 0` as in Canh.
import { createServer, type AddressInfo } from 'node:net';
import { Aedes } from 'aedes';

const aedes = await Aedes.createBroker({ concurrency: 0 });
const server = createServer({ noDelay: true }, aedes.handle);
server.listen(0, '127.0.0.1', () => console.log(`listening on ${(server.address() as AddressInfo).port}`));
process.on('SIGTERM', () => process.exit(0));
