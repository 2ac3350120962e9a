import { BrokerSettings } from '../../broker/src/broker.settings.js';
import { ConsoleSettings } from '../../console/src/console.settings.js';
import { NotifierSettings } from '../../notifier/src/notifier.settings.js';
import { ProcessorSettings } from '../../processor/src/processor.settings.js';
import { readSettings, refuseUnknownSettings, type Environment } from '@canh/runtime/settings';

const CLASSES = [BrokerSettings, ProcessorSettings, NotifierSettings, ConsoleSettings] as const;

export interface AllSettings {
  readonly broker: BrokerSettings;
  readonly processor: ProcessorSettings;
  readonly notifier: NotifierSettings;
  readonly console: ConsoleSettings;
}

/** The settings of every part. All of them are read before anything is opened: a wrong one stops the start while there is nothing to undo. */
export function readAllSettings(environment: Environment): AllSettings {
  refuseUnknownSettings(CLASSES, environment);
  return {
    broker: readSettings(BrokerSettings, environment),
    processor: readSettings(ProcessorSettings, environment),
    notifier: readSettings(NotifierSettings, environment),
    console: readSettings(ConsoleSettings, environment),
  };
}
