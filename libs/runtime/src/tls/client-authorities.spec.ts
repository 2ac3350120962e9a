import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS } from '@canh/core/time/instant';
import { Authority, type Issued } from '../../../../tests/support/authority.js';
import { ClientAuthorities } from './client-authorities.js';

const NOBODY: ReadonlyMap<string, string> = new Map();

describe('the authorities of client certificates', () => {
  let water: Authority;
  let environment: Authority;
  let gauge: Issued;
  let camera: Issued;
  let now: number;

  beforeAll(async () => {
    water = await Authority.make('Chi cục Thủy lợi');
    environment = await Authority.make('Sở Tài nguyên');
    gauge = await water.issueClient('gauge-1');
    camera = await environment.issueClient('camera-1');
    now = Date.now();
  });
  afterAll(async () => {
    await water.remove();
    await environment.remove();
  });
  const bundle = async (): Promise<string> => `${await water.cert()}\n${await environment.cert()}`;
  const why = (authorities: ClientAuthorities, { cert }: Issued, at = Date.now()): string | null => {
    const trust = authorities.trust(new X509Certificate(cert), at);
    return trust.trusted ? null : trust.why;
  };

  it('trust what one of them signed, while both are valid', async () => {
    const authorities = ClientAuthorities.of(await bundle(), NOBODY);
    expect([why(authorities, gauge), why(authorities, camera)]).toEqual([null, null]);
    expect(why(ClientAuthorities.of(await water.cert(), NOBODY), camera)).toMatch(/no authority/);
    expect(why(authorities, gauge, now + 31 * DAY_MS)).toMatch(/run out/);
    expect(why(authorities, gauge, now - DAY_MS)).toMatch(/run out/);
  });

  it('trust nobody for the name of an authority alone', async () => {
    const impostor = await Authority.make('Chi cục Thủy lợi');
    const forged = await impostor.issueClient('gauge-1');
    expect(why(ClientAuthorities.of(await bundle(), NOBODY), forged)).toMatch(/no authority/);
    const authorities = ClientAuthorities.of(await bundle(), NOBODY);
    const list = await impostor.revocationList();
    expect(() => authorities.revoke(list)).toThrow(/not signed by it/);
    await impostor.remove();
  });

  it.each(['PEM', 'DER'] as const)('trust no more what was revoked, by a list in %s', async (form) => {
    const lost = await water.issueClient('gauge-2');
    const authorities = ClientAuthorities.of(await bundle(), NOBODY);
    authorities.revoke(await water.revocationList(form));
    expect(why(authorities, lost)).toBeNull();
    await water.revoke(lost);
    authorities.revoke(await water.revocationList(form));
    expect(why(ClientAuthorities.of(await bundle(), NOBODY), lost)).toBeNull();
    expect([why(authorities, lost), why(authorities, gauge), why(authorities, camera)]).toEqual([
      'was revoked',
      null,
      null,
    ]);
  });

  it('take the lists of several of them, and a serial number counts for its own authority alone', async () => {
    const roads = await Authority.make('Sở Giao thông');
    const first = await roads.issueClient('counter-1');
    const serial = ({ cert }: Issued): string => new X509Certificate(cert).serialNumber;
    expect(serial(first)).toBe(serial(gauge));
    await roads.revoke(first);
    const authorities = ClientAuthorities.of(`${await bundle()}${await roads.cert()}`, NOBODY);
    authorities.revoke(Buffer.concat([await water.revocationList(), await roads.revocationList()]));
    expect([why(authorities, first), why(authorities, gauge)]).toEqual(['was revoked', null]);
    await roads.remove();
  });

  it('warn of a list that should have been renewed, and of one that is nobody’s, and go by them', async () => {
    const authorities = ClientAuthorities.of(await bundle(), NOBODY);
    authorities.revoke(await water.revocationList('PEM', '-crldays', '1'));
    expect(authorities.warnings(now)).toEqual([]);
    expect(authorities.warnings(now + 2 * DAY_MS)).toEqual([expect.stringMatching(/Chi cục.*renewed/)]);
    const one = ClientAuthorities.of(await environment.cert(), NOBODY);
    one.revoke(await water.revocationList());
    expect(one.warnings(now)).toEqual([expect.stringMatching(/^1 of the lists/)]);
  });

  it('speak for one unit where that is set', async () => {
    const units = new Map([['Chi cục Thủy lợi', 'thuy-loi']]);
    const authorities = ClientAuthorities.of(await bundle(), units);
    const trust = (cert: string) => authorities.trust(new X509Certificate(cert), now);
    expect(trust(gauge.cert)).toEqual({ trusted: true, unit: 'thuy-loi' });
    expect(trust(camera.cert)).toEqual({ trusted: true, unit: null });
    const pem = await bundle();
    expect(() => ClientAuthorities.of(pem, new Map([['Chi cuc', 'x']]))).toThrow(/no authority.*Chi cuc/);
  });

  it.each([
    ['nothing', async () => '', /no certificate/],
    ['a certificate that is no authority’s', async () => gauge.cert, /no authority's/],
  ])('are not made of %s', async (_, pem, says) => {
    const text = await pem();
    expect(() => ClientAuthorities.of(text, NOBODY)).toThrow(says);
  });

  it('take no list that is cut off or something else, at whatever byte', async () => {
    const authorities = ClientAuthorities.of(await bundle(), NOBODY);
    const whole = await water.revocationList('DER');
    for (let length = 0; length < whole.length; length += 1)
      expect(() => authorities.revoke(whole.subarray(0, length)), `${length} bytes`).toThrow(RangeError);
    expect(() => authorities.revoke(Buffer.from(gauge.cert))).toThrow(/no X509 CRL/);
    for (let at = 30; at < whole.length; at += 7) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 0x10;
      const took = (): void => authorities.revoke(changed);
      // Where the name is hit, it is a list of somebody else.
      try {
        took();
        expect(authorities.warnings(now)).toContainEqual(expect.stringMatching(/lists/));
      } catch (error) {
        expect((error as Error).message).not.toBe('');
      }
    }
  });
});
