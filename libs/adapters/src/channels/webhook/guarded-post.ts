import { lookup, type LookupAddress } from 'node:dns';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { promisify } from 'node:util';
import { oneLine } from '@canh/core/dispatch/clean-text';
import type { Outcome } from '@canh/core/dispatch/notice';
import { isPublicAddress } from './public-address.js';

/** All addresses of a host name. */
export type Resolve = (host: string) => Promise<LookupAddress[]>;

export interface GuardedPostOptions {
  /** Lets it go to this machine and its network, and over plain http. */
  readonly allowPrivate: boolean;
  /** For the whole of resolving, connecting, sending and being answered. */
  readonly deadlineMs?: number;
  readonly resolve?: Resolve;
}

const DEADLINE_MS = 10_000;
const LONGEST_URL = 2_048;
const MAX_ANSWER_BYTES = 1_024;
const LONGEST_ANSWER = 300;

/** Of the client errors, those that say "later". */
const TRY_AGAIN: readonly number[] = [408, 425, 429];

const systemResolve: Resolve = (host) => promisify(lookup)(host, { all: true });

const refused = (answer: string): Outcome => ({ kind: 'refused', answer });

/**
 * POSTs JSON to an address that a person typed. That address is not trusted: it may name a machine behind our own firewall, by a
 * name that changes between the look and the call. So every address of the name is looked at, and the connection goes to one of those.
 */
export class GuardedPost {
  private readonly closing = new AbortController();

  constructor(private readonly options: GuardedPostOptions) {}

  /** Never rejects for what the other side does: that is an Outcome. */
  async send(address: string, body: string, headers: Readonly<Record<string, string>>): Promise<Outcome> {
    const { allowPrivate, deadlineMs = DEADLINE_MS } = this.options;
    const url = checkedUrl(address, allowPrivate);
    if (typeof url === 'string') return refused(url);
    const signal = AbortSignal.any([AbortSignal.timeout(deadlineMs), this.closing.signal]);
    try {
      const addresses = await unlessAborted(this.addressesOf(url.hostname), signal);
      const hidden = allowPrivate ? undefined : addresses.find(({ address: at }) => !isPublicAddress(at));
      if (hidden !== undefined)
        return refused(
          `${url.hostname} is at ${hidden.address}, which is not on the public internet. Set CANH_WEBHOOK_ALLOW_PRIVATE if it is meant.`,
        );
      return await post(url, addresses, body, headers, signal);
    } catch (error) {
      return { kind: 'failed', answer: this.failure(error as NodeJS.ErrnoException, signal) };
    }
  }

  close(): void {
    this.closing.abort();
  }

  private async addressesOf(hostname: string): Promise<LookupAddress[]> {
    const literal = hostname.replace(/^\[(.*)\]$/, '$1');
    const family = isIP(literal);
    if (family !== 0) return [{ address: literal, family }];
    const addresses = await (this.options.resolve ?? systemResolve)(hostname);
    if (addresses.length === 0) throw new Error(`${hostname} has no address`);
    return addresses;
  }

  private failure(error: NodeJS.ErrnoException, signal: AbortSignal): string {
    if (this.closing.signal.aborted) return 'Given up because the notifier stops.';
    if (signal.aborted) return `No answer within ${(this.options.deadlineMs ?? DEADLINE_MS) / 1_000} s.`;
    return oneLine(
      [error.code, error.message].filter((part) => part !== undefined && part !== '').join(': '),
      LONGEST_ANSWER,
    );
  }
}

function post(
  url: URL,
  addresses: LookupAddress[],
  body: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Outcome> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    // An agent of its own for each request: no connection outlives the look at its address, and no proxy setting is followed.
    const sending = request(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'Canh',
        ...headers,
      },
      lookup: pinnedTo(addresses),
      agent: false,
      signal,
      maxHeaderSize: 8_192,
    });
    sending.on('error', reject);
    sending.on('response', (response) => {
      // The status has come, and decides; being cut off in the middle of the page changes nothing.
      sending.off('error', reject).on('error', () => {});
      void beginningOf(response).then((text) => {
        sending.destroy();
        resolve(outcomeOf(response.statusCode ?? 0, response.statusMessage ?? '', text));
      });
    });
    sending.end(body);
  });
}

/** The address as a URL that may be called, or what is wrong with it. */
function checkedUrl(address: string, allowPrivate: boolean): URL | string {
  if (address.length > LONGEST_URL || !URL.canParse(address))
    return `'${oneLine(address, 100)}' is not a URL. Correct the contact.`;
  const url = new URL(address);
  // The rest of it may be what proves who calls.
  const shown = oneLine(`${url.protocol}//${url.host}`, 100);
  if (url.protocol !== 'https:' && !(allowPrivate && url.protocol === 'http:'))
    return `'${shown}' is not an https URL. Correct the contact.`;
  if (url.username !== '' || url.password !== '')
    return 'The URL holds a user name or a password. Use the signature to prove who calls.';
  return url;
}

/** Answers every question for an address with those that were looked at. */
function pinnedTo(addresses: LookupAddress[]): LookupFunction {
  return (_host, options, callback) => {
    const [first] = addresses;
    if (options.all === true) callback(null, addresses);
    else callback(null, first?.address ?? '', first?.family);
  };
}

/** The first bytes of the answer, as far as they came: its status has decided already, and it may never end. */
async function beginningOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk.subarray(0, MAX_ANSWER_BYTES - bytes));
      bytes += chunk.length;
      if (bytes >= MAX_ANSWER_BYTES) break;
    }
  } catch {
    // Cut off or out of time in the middle of its words: what came is kept.
  }
  return Buffer.concat(chunks).toString('utf8');
}

function outcomeOf(status: number, message: string, text: string): Outcome {
  const answer = oneLine(`HTTP ${status} ${message}: ${text}`.replace(/[\s:]+$/, ''), LONGEST_ANSWER);
  if (status >= 200 && status < 300) return { kind: 'accepted', answer };
  if (status >= 300 && status < 400)
    return refused(`${answer} (redirects are not followed: give the address it leads to)`);
  return { kind: status >= 500 || TRY_AGAIN.includes(status) ? 'failed' : 'refused', answer };
}

/** `work`, or the reason of the signal: a name server's answer cannot be called off, only no longer waited for. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
}
