import type { MessageKind } from '@canh/core/readings/message';

/** What a device may publish to. The identity is the credential's, so every device uses the same names. */
const PUBLISH_TOPICS: ReadonlyMap<string, MessageKind> = new Map([
  ['v1/devices/me/telemetry', 'telemetry'],
  ['v1/devices/me/attributes', 'attributes'],
  ['v1/gateway/telemetry', 'gateway-telemetry'],
  ['v1/gateway/connect', 'gateway-connect'],
  ['v1/gateway/disconnect', 'gateway-disconnect'],
]);

/** What a device may subscribe to: answers and requests meant for itself. */
const SUBSCRIBE_FILTERS: ReadonlySet<string> = new Set([
  'v1/devices/me/attributes',
  'v1/devices/me/attributes/response/+',
  'v1/devices/me/rpc/request/+',
  'v1/devices/me/rpc/response/+',
  'v1/gateway/attributes',
  'v1/gateway/attributes/response',
  'v1/gateway/rpc',
]);

/** What a device publishes goes by this name inside: to the journal, and to no one. Nobody may subscribe to it. */
export const RECEIVED = 'received';

export function kindOfTopic(topic: string): MessageKind | undefined {
  return PUBLISH_TOPICS.get(topic);
}

export function mayFollow(filter: string): boolean {
  return SUBSCRIBE_FILTERS.has(filter);
}

const REQUEST = 'v1/devices/me/rpc/request/';
const RESPONSE = 'v1/devices/me/rpc/response/';
/** Where a gateway finds the commands to all devices behind it, and answers them. */
const GATEWAY_COMMANDS = 'v1/gateway/rpc';

/** Where a device finds the command with this id. */
export function requestTopic(id: number): string {
  return `${REQUEST}${id}`;
}

/** Where a gateway finds the command with this id, as it is called inside: to the gateway all are on one topic. */
export function gatewayRequestTopic(id: number): string {
  return `${GATEWAY_COMMANDS}/${id}`;
}

/** What the topic of a command is called outside. */
export function outsideTopic(topic: string): string {
  return topic.startsWith(`${GATEWAY_COMMANDS}/`) ? GATEWAY_COMMANDS : topic;
}

/** The id of the command in such a topic, as it is called inside, or null. */
export function commandOfRequest(topic: string): number | null {
  return idAfter(REQUEST, topic) ?? idAfter(`${GATEWAY_COMMANDS}/`, topic);
}

/** The id of the command that a device answers by publishing to this topic, or null. */
export function commandOfResponse(topic: string): number | null {
  return idAfter(RESPONSE, topic);
}

/** Whether publishing to this topic answers a command: a device its own, or a gateway one to a device behind it. */
export function isAnswer(topic: string): boolean {
  return topic === GATEWAY_COMMANDS || commandOfResponse(topic) !== null;
}

function idAfter(prefix: string, topic: string): number | null {
  const id = topic.startsWith(prefix) ? topic.slice(prefix.length) : '';
  return /^[1-9]\d{0,14}$/.test(id) ? Number(id) : null;
}
