import type { TimeWindow } from '../readings/accept-time.js';
import { decodeGatewayDevice, decodeGatewayTelemetry } from '../readings/decode-gateway.js';
import { decodeTelemetry, parseJson, type Fault, type Point } from '../readings/decode-telemetry.js';
import type { Message, Refusal } from '../readings/message.js';
import { IN_UNIT_ALREADY, originalOf } from '../readings/replayed.js';
import type { AttributeChange } from '../stations/attributes.js';
import type { KnownDevice, KnownDevices, KnownMetric } from '../stations/known-devices.js';
import type { Instant } from '../time/instant.js';
import { unreachable } from '../canh-error.js';
import { flagPlain, flagPoints } from './flag-points.js';
import { PlainTelemetry } from './plain-telemetry.js';
import { ReadingColumns } from './reading-columns.js';

/** What messages hold that is read one behind the other. */
export class ReadMessages {
  readonly readings: ReadingColumns;
  /** By which devices count what they send, with when it was received; in the order of the messages. What is handed in once more was counted before. */
  readonly counts: { readonly deviceId: string; readonly seq: number; readonly receivedAt: Instant }[] = [];

  /** `mostly`: about how many readings there will be. */
  constructor(mostly?: number) {
    this.readings = new ReadingColumns(mostly);
  }
}

/** What else one message holds: faults with the device they concern, attributes. */
export interface MessageContent {
  readonly faults: readonly { readonly deviceId: string; readonly fault: Fault }[];
  readonly attributes: readonly AttributeChange[];
}

const NOTHING_ELSE: MessageContent = { faults: [], attributes: [] };

const MAX_ATTRIBUTES = 64;

/** Reads one message of the journal. `textOf` makes text of its payload, or null where the bytes are not UTF-8. */
export function readMessage(
  message: Message,
  textOf: (payload: Uint8Array) => string | null,
  devices: KnownDevices,
  window: TimeWindow,
  into: ReadMessages,
): MessageContent {
  const { kind, deviceId, receivedAt, payload } = message;
  const known = kind === 'telemetry' ? devices.at(deviceId, receivedAt, receivedAt) : undefined;
  if (known !== undefined) {
    const plain = plainTelemetry(known.metrics);
    if (plain.read(payload) && flagPlain(known, plain, receivedAt, window, into.readings)) {
      if (plain.seq !== null) into.counts.push({ deviceId, seq: plain.seq, receivedAt });
      return NOTHING_ELSE;
    }
  }
  return contentOf(message, textOf(payload), receivedAt, devices, window, into);
}

/** One for each profile, whose metrics a map stands for. */
const plainOf = new WeakMap<KnownDevice['metrics'], PlainTelemetry<KnownMetric>>();

function plainTelemetry(metrics: KnownDevice['metrics']): PlainTelemetry<KnownMetric> {
  let plain = plainOf.get(metrics);
  if (plain === undefined) plainOf.set(metrics, (plain = new PlainTelemetry(metrics.values())));
  return plain;
}

/** `handedInAt`: when it came to be read, be it the first time or once more. */
function contentOf(
  message: Message,
  text: string | null,
  handedInAt: Instant,
  devices: KnownDevices,
  window: TimeWindow,
  into: ReadMessages,
  inUnitAlready = false,
): MessageContent {
  const { readings } = into;
  const content = {
    faults: [] as { deviceId: string; fault: Fault }[],
    attributes: [] as AttributeChange[],
  };
  const { deviceId, receivedAt, kind } = message;
  const note = (points: readonly Point[], whose: string): void => {
    for (const { seq } of points) if (seq !== null) into.counts.push({ deviceId: whose, seq, receivedAt });
  };
  const blame = (faults: readonly Fault[], whose = deviceId): void => {
    for (const fault of faults) content.faults.push({ deviceId: whose, fault });
  };
  if (text === null) {
    blame([{ reason: 'not-utf8', detail: 'the payload is not UTF-8 text' }]);
    return content;
  }
  switch (kind) {
    case 'telemetry': {
      const known = devices.at(deviceId, receivedAt, handedInAt);
      if (known === undefined) {
        blame([{ reason: 'unknown-device', detail: `no device ${deviceId}` }]);
        break;
      }
      const { points, faults } = decodeTelemetry(text, receivedAt);
      const more: Fault[] = [];
      flagPoints(known, points, receivedAt, handedInAt, window, readings, more, inUnitAlready);
      note(points, deviceId);
      blame(faults);
      blame(more);
      break;
    }
    case 'gateway-telemetry': {
      const gateway = decodeGatewayTelemetry(text, receivedAt);
      blame(gateway.faults);
      for (const { deviceName, points, faults } of gateway.devices) {
        const known = devices.ofGateway(deviceId, deviceName, receivedAt, handedInAt);
        if (known === undefined) {
          blame([
            {
              reason: 'unknown-device',
              detail: `gateway ${deviceId} has no device named "${deviceName.slice(0, 80)}"`,
            },
          ]);
          continue;
        }
        const more: Fault[] = [];
        flagPoints(known, points, receivedAt, handedInAt, window, readings, more);
        note(points, known.device.id);
        blame(faults, known.device.id);
        blame(more, known.device.id);
      }
      break;
    }
    case 'gateway-connect':
    case 'gateway-disconnect': {
      const named = decodeGatewayDevice(text);
      if ('fault' in named) {
        blame([named.fault]);
        break;
      }
      const known = devices.ofGateway(deviceId, named.deviceName, receivedAt, handedInAt);
      if (known === undefined)
        blame([
          {
            reason: 'unknown-device',
            detail: `gateway ${deviceId} has no device named "${named.deviceName.slice(0, 80)}"`,
          },
        ]);
      else
        content.attributes.push({
          deviceId: known.device.id,
          values: { connected: kind === 'gateway-connect' },
          at: receivedAt,
        });
      break;
    }
    case 'attributes': {
      const { value, fault } = parseJson(text);
      if (fault !== null) blame([fault]);
      else if (typeof value !== 'object' || value === null || Array.isArray(value))
        blame([{ reason: 'wrong-shape', detail: 'attributes are an object' }]);
      else if (Object.keys(value).length > MAX_ATTRIBUTES)
        blame([{ reason: 'too-many-values', detail: `at most ${MAX_ATTRIBUTES} attributes at once` }]);
      else content.attributes.push({ deviceId, values: value as Record<string, unknown>, at: receivedAt });
      break;
    }
    case 'replayed': {
      const original = originalOf(text);
      const uncounted = { readings, counts: [] };
      const converted = original.text.endsWith(IN_UNIT_ALREADY);
      return contentOf({ ...message, ...original }, original.text, handedInAt, devices, window, uncounted, converted);
    }
    case 'refused': {
      const refusal = parseJson(text).value as Refusal;
      blame([
        {
          reason: 'refused',
          detail: `${refusal.reason} at ${refusal.door} from ${refusal.address}: ${refusal.detail}`,
        },
      ]);
      break;
    }
    default:
      unreachable(kind);
  }
  return content;
}
