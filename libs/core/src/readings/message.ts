import type { Instant } from '../time/instant.js';

/**
 * What a device asked to be kept: the unit of the journal.
 * `telemetry` native payload · `gateway-telemetry` readings for devices behind a gateway · `attributes` · `gateway-connect` and `gateway-disconnect`
 * · `refused` what a door turned away, kept so that the page can show it (the payload is a Refusal as JSON)
 * · `replayed` a message that was quarantined and is read once more after somebody mended what was wrong (see `replayed.ts`).
 */
export type MessageKind =
  'telemetry' | 'gateway-telemetry' | 'attributes' | 'gateway-connect' | 'gateway-disconnect' | 'refused' | 'replayed';

export interface Message {
  readonly kind: MessageKind;
  /** Whose credential it came in under; empty where no credential was accepted. */
  readonly deviceId: string;
  readonly receivedAt: Instant;
  /** The bytes as they came: not trusted, not necessarily text. */
  readonly payload: Uint8Array;
}

/** Why a door turned something away. */
export interface Refusal {
  readonly door: 'mqtt' | 'ws' | 'http';
  readonly reason:
    | 'unknown-credential'
    | 'forbidden-topic'
    | 'too-large'
    | 'bad-client-id'
    | 'bad-keep-alive'
    | 'protocol'
    | 'forbidden-filter'
    | 'too-many-filters'
    | 'too-many-connections';
  /** What was presented, with nothing secret in it. */
  readonly detail: string;
  /** Where from. */
  readonly address: string;
}
