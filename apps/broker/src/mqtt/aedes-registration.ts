import type { Aedes, Client } from 'aedes';

const REGISTER = '_finishRegisterClient';

/** Of Aedes 1, and none of its types. */
interface Registering {
  readonly clients: Readonly<Record<string, Client | undefined>>;
  unregisterClient(client: Client): void;
  [REGISTER](client: Client): void;
}

/**
 * A client that comes back while its last connection is still being closed is registered before that one is unregistered, and by the same
 * id: Aedes then forgets the new one, which is there.
 */
export function onlyUnregisterItself(aedes: Aedes): void {
  const broker = aedes as unknown as Registering;
  const unregister = broker.unregisterClient.bind(broker);
  broker.unregisterClient = (client) => {
    if (broker.clients[client.id] === client) unregister(client);
  };
  // One that hung up while it was let in has ended before it is registered, and nobody would ever unregister it.
  const register = broker[REGISTER].bind(broker);
  broker[REGISTER] = (client) => {
    if (!client.closed) register(client);
  };
}
