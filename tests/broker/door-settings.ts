import { BrokerSettings } from '../../apps/broker/src/broker.settings.js';

/** The doors as they are by default, on free ports of this machine. */
export function doorSettings(changed: Partial<BrokerSettings> = {}): BrokerSettings {
  return Object.assign(new BrokerSettings(), { mqttPort: 0, wsPort: 0 }, changed);
}
