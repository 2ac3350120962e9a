import type { MqttTls } from '../../../apps/broker/src/mqtt/mqtt-listeners.js';
import { DoorOnDisk } from '../../broker/door-on-disk.js';

/** A door with devices d0, d1, …, and room for more connections and messages in a second than there would be. */
export function openMutationDoor(devices: number, mqttLane: boolean, tls: MqttTls | null = null): Promise<DoorOnDisk> {
  return DoorOnDisk.open({
    devices: Array.from({ length: devices }, (_, n) => `d${n}`),
    mail: true,
    settings: { mqttLane, mqttConnectsPerSecond: 100_000, deviceMessagesPerSecond: 100_000 },
    ...(tls === null ? {} : { tls: () => tls }),
  });
}
