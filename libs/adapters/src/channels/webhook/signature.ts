import { createHmac } from 'node:crypto';

/**
 * The value of the `canh-signature` header: `t=` seconds since the epoch, `v1=` hex HMAC-SHA256 over `${t}.${body}`. A receiver computes
 * the same over the bytes that it got, compares in constant time, and turns away what is older than five minutes.
 */
export function signature(secret: string, seconds: number, body: string): string {
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;
}
