import type { Guidance } from '../rules/rule.js';
import type { Limit } from '../stations/limit.js';
import type { LocalText } from '../stations/local-text.js';
import type { ChannelName, DigestDelivery, Outcome, SingleDelivery } from './notice.js';
import type { Incident } from './incident.js';

/** What a message says beside the alert itself. */
export interface NoticeContext {
  readonly stationNames: LocalText;
  readonly areaNames: LocalText;
  readonly ruleNames: LocalText;
  readonly metricNames: LocalText;
  readonly unit: string;
  readonly decimals: number;
  /** The station's limits for the alert's metric that were in force when it was measured. */
  readonly limits: readonly Limit[];
  readonly guidance: Guidance;
  /** The alert's page, or null where CANH_PUBLIC_URL is not set. */
  readonly url: string | null;
}

export interface NamedIncident {
  readonly incident: Incident;
  readonly context: NoticeContext;
}

/** A way to reach somebody. It never throws for what the other side does: that is an Outcome. */
export abstract class Channel {
  abstract readonly name: ChannelName;
  abstract send(delivery: SingleDelivery, context: NoticeContext): Promise<Outcome>;
  /** `named` are the incidents of the digest, each with its names. */
  abstract sendDigest(digest: DigestDelivery, named: readonly NamedIncident[]): Promise<Outcome>;
  /** Gives up what is still on its way. */
  abstract close(): Promise<void>;
}
