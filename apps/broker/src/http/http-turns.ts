/** Requests of one device that wait for their turn; whoever has more under way should have waited for an answer. */
const MOST_WAITING_OF_ONE = 8;
/** In memory, of all requests that are under way. */
const MOST_BYTES_OF_ONE = 8 * 2 ** 20;
const MOST_BYTES = 64 * 2 ** 20;
/** What a request takes beside its body, about. */
const BYTES_AROUND = 4_096;

interface UnderWay {
  requests: number;
  bytes: number;
}

/**
 * How many requests of devices are under way, from the head of a request to the end of its message's way to the disk. HTTP cannot be read
 * slower for one device, as MQTT is, so who has much under way already is told to come again.
 */
export class HttpTurns {
  private bytes = 0;
  private readonly of = new Map<string, UnderWay>();

  /** `hasPlaceFor`: whether a message of this device would be taken at once. */
  constructor(private readonly hasPlaceFor: (deviceId: string) => boolean) {}

  /** Room for a request with a body of `bodyBytes`, or null where there is none now. */
  take(deviceId: string, bodyBytes: number): HttpTurn | null {
    const bytes = bodyBytes + BYTES_AROUND;
    const own = this.of.get(deviceId) ?? { requests: 0, bytes: 0 };
    if (this.bytes + bytes > MOST_BYTES || own.bytes + bytes > MOST_BYTES_OF_ONE) return null;
    if (own.requests >= MOST_WAITING_OF_ONE && !this.hasPlaceFor(deviceId)) return null;
    own.requests += 1;
    own.bytes += bytes;
    this.bytes += bytes;
    this.of.set(deviceId, own);
    return {
      deviceId,
      mayWait: () => own.requests <= MOST_WAITING_OF_ONE || this.hasPlaceFor(deviceId),
      release: () => {
        own.requests -= 1;
        own.bytes -= bytes;
        this.bytes -= bytes;
        if (own.requests === 0) this.of.delete(deviceId);
      },
    };
  }
}

export interface HttpTurn {
  readonly deviceId: string;
  /** Whether the request, now that its body is there, may still wait for its turn. */
  mayWait(): boolean;
  /** To be called once. */
  release(): void;
}
