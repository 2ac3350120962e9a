import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HOUR_MS } from '@canh/core/time/instant';
import { openRecordsAt, recordsClock, type Records, type RecordsPlace } from './records.parts.js';
import { logger, NIGHT, quangTri, thachHan } from './records.story.js';

const DEVICE = 'logger-7';
const CHOSEN = 'sông Thạch Hãn 2026';

/** What every kind of records promises of what devices present. */
export function credentialsSuite(kind: string, newPlace: () => Promise<RecordsPlace>): void {
  describe(`the credentials in ${kind}`, () => {
    let place: RecordsPlace;
    let records: Records;
    /** The same records as another process sees them. */
    let elsewhere: Records;

    beforeEach(async () => {
      recordsClock.at = NIGHT;
      place = await newPlace();
      records = await openRecordsAt(place.address);
      elsewhere = await openRecordsAt(place.address);
      await records.inventoryDesk.putArea(quangTri);
      await records.inventoryDesk.putStation(thachHan);
      await records.inventoryDesk.putDevice(logger);
      await records.inventoryDesk.putDevice({ ...logger, id: 'logger-8', name: 'logger-8' });
    });
    afterEach(async () => {
      await records.close();
      await elsewhere.close();
      await place.remove();
    });

    const who = (token: string): string | undefined => elsewhere.credentials.identify(token)?.deviceId;

    describe('tokens', () => {
      it('let a device in by its newest one only, until it is revoked, whoever asks', async () => {
        const first = await records.credentialDesk.issue(DEVICE);
        expect(first).toMatch(/^[\w-]{22}$/);
        expect(who(first)).toBe(DEVICE);

        const second = await records.credentialDesk.issue(DEVICE);
        expect(who(first)).toBeUndefined();
        expect(who(second)).toBe(DEVICE);

        await records.inventoryDesk.putDevice({ ...logger, name: 'renamed' });
        expect(who(second)).toBe(DEVICE);

        await records.credentialDesk.revoke(DEVICE, NIGHT);
        expect(who(second)).toBeUndefined();
      });

      it('are two while one takes the place of the other, and the old one ends at its time', async () => {
        const first = await records.credentialDesk.issue(DEVICE);
        const connected = elsewhere.credentials.identify(first)!;
        expect(connected.until).toBeNull();
        const second = await records.credentialDesk.issue(DEVICE, NIGHT + 24 * HOUR_MS);
        expect(elsewhere.credentials.standing(connected)).toMatchObject({ until: NIGHT + 24 * HOUR_MS });

        recordsClock.at = NIGHT + 24 * HOUR_MS - 1;
        expect([who(first), who(second)]).toEqual([DEVICE, DEVICE]);
        recordsClock.at += 1;
        expect([who(first), who(second)]).toEqual([undefined, DEVICE]);
        expect(elsewhere.credentials.standing(connected)).toBeNull();
      });

      it('never last longer because of a later change, and end at once where nothing is to be kept', async () => {
        const first = await records.credentialDesk.issue(DEVICE);
        const second = await records.credentialDesk.issue(DEVICE, NIGHT + HOUR_MS);
        const third = await records.credentialDesk.issue(DEVICE, NIGHT + 2 * HOUR_MS);
        recordsClock.at = NIGHT + HOUR_MS;
        expect([who(first), who(second), who(third)]).toEqual([undefined, DEVICE, DEVICE]);
        const fourth = await records.credentialDesk.issue(DEVICE);
        expect([who(second), who(third), who(fourth)]).toEqual([undefined, undefined, DEVICE]);
      });

      it('are at most five of a device, however often somebody asks for one more', async () => {
        const issued: string[] = [];
        for (let n = 0; n < 8; n += 1)
          issued.push(await records.credentialDesk.issue(DEVICE, NIGHT + (n + 1) * HOUR_MS));
        expect(issued.map(who)).toEqual([...Array<undefined>(3).fill(undefined), ...Array<string>(5).fill(DEVICE)]);
      });

      it.each(['', 'x', '%', 'ấ'.repeat(200), 'a'.repeat(256), 'a'.repeat(100_000), "' or 1=1 --", 'a\0b'])(
        'that are made up are nobody’s (%#)',
        async (token) => {
          await records.credentialDesk.issue(DEVICE);
          expect(records.credentials.identify(token)).toBeNull();
        },
      );
    });

    describe('passwords', () => {
      it('that Canh made are known at once, to a process that has never seen them', async () => {
        const password = await records.credentialDesk.issuePassword(DEVICE);
        expect(password).toMatch(/^[\w-]{22}$/);
        expect(elsewhere.credentials.recognise(DEVICE, password)).toMatchObject({ deviceId: DEVICE, until: null });
        expect(elsewhere.credentials.recognise('logger-8', password)).toBeNull();
        expect(elsewhere.credentials.recognise(DEVICE, `${password} `)).toBeNull();
        expect(await elsewhere.credentials.verify(DEVICE, password)).toMatchObject({ deviceId: DEVICE });
        expect(await elsewhere.credentials.verify(DEVICE, 'x'.repeat(22))).toBeNull();
      });

      it('that somebody chose need a slow look once, and none after it until they are changed', async () => {
        await records.credentialDesk.setPassword(DEVICE, CHOSEN);
        const { credentials } = elsewhere;
        expect(credentials.recognise(DEVICE, CHOSEN)).toBeNull();
        const connected = (await credentials.verify(DEVICE, CHOSEN.normalize('NFD')))!;
        expect(connected.deviceId).toBe(DEVICE);
        expect(credentials.recognise(DEVICE, CHOSEN)).toEqual(connected);
        expect(credentials.standing(connected)).toEqual(connected);

        await records.credentialDesk.setPassword(DEVICE, CHOSEN);
        expect(credentials.recognise(DEVICE, CHOSEN)).toBeNull();
        expect(credentials.standing(connected)).toBeNull();
        await records.credentialDesk.setPassword(DEVICE, `${CHOSEN}!`);
        expect(await credentials.verify(DEVICE, CHOSEN)).toBeNull();
      });

      it('that were wrong are not remembered as right', async () => {
        await records.credentialDesk.setPassword(DEVICE, CHOSEN);
        for (let again = 0; again < 2; again += 1) {
          expect(await records.credentials.verify(DEVICE, `${CHOSEN}x`)).toBeNull();
          expect(records.credentials.recognise(DEVICE, `${CHOSEN}x`)).toBeNull();
        }
      });

      it('leave the token alone, and go with it when the device is revoked', async () => {
        const token = await records.credentialDesk.issue(DEVICE);
        const password = await records.credentialDesk.issuePassword(DEVICE);
        const connected = elsewhere.credentials.recognise(DEVICE, password)!;
        expect(who(token)).toBe(DEVICE);
        await records.credentialDesk.revoke(DEVICE, NIGHT);
        expect(elsewhere.credentials.recognise(DEVICE, password)).toBeNull();
        expect(elsewhere.credentials.standing(connected)).toBeNull();
      });

      it('cost a slow look wherever they are wrong: nobody learns from the time who there is and who has one', async () => {
        await records.credentialDesk.setPassword(DEVICE, CHOSEN);
        await records.inventoryDesk.putDevice({ ...logger, id: 'logger-9', name: 'logger-9' });
        await records.credentialDesk.issuePassword('logger-9');
        const { credentials } = records;
        await credentials.verify('nobody', 'wrong password');
        // Of the processor, on whichever thread: a busy machine makes a quick look long.
        const quickest = async (id: string): Promise<number> => {
          const took: number[] = [];
          for (let n = 0; n < 5; n += 1) {
            const before = process.cpuUsage();
            expect(await credentials.verify(id, `wrong ${n}`)).toBeNull();
            const { user, system } = process.cpuUsage(before);
            took.push(user + system);
          }
          return Math.min(...took);
        };
        const asLongAs = (await quickest(DEVICE)) / 3;
        for (const id of ['nobody', 'logger-8', 'logger-9', "' or 1=1 --"])
          expect(await quickest(id)).toBeGreaterThan(asLongAs);
      });

      it.each(['', 'seven77', 'x'.repeat(257)])(
        'are refused where they are too short or too long (%#)',
        async (password) => {
          await expect(records.credentialDesk.setPassword(DEVICE, password)).rejects.toMatchObject({
            code: 'BAD_PASSWORD',
          });
          expect(await records.credentials.verify(DEVICE, password)).toBeNull();
        },
      );
    });

    describe('certificates', () => {
      it('speak for a device that there is, until it is revoked; newer ones do again', async () => {
        const { credentials } = elsewhere;
        const connected = credentials.certified(DEVICE, NIGHT - HOUR_MS)!;
        expect(connected).toMatchObject({ deviceId: DEVICE, ownerUnit: thachHan.ownerUnit });
        expect(credentials.certified('nobody', NIGHT)).toBeNull();

        await records.credentialDesk.revoke(DEVICE, NIGHT);
        await records.credentialDesk.issue(DEVICE);
        expect(credentials.certified(DEVICE, NIGHT)).toBeNull();
        expect(credentials.standing(connected)).toBeNull();
        const renewed = credentials.certified(DEVICE, NIGHT + 1)!;
        expect(credentials.standing(renewed)).toEqual(renewed);
      });
    });

    it('raise the version whenever they change, so that a broker knows to look again', async () => {
      const desk = records.credentialDesk;
      const versions = [await records.registry.version()];
      for (const change of [
        () => desk.issue(DEVICE),
        () => desk.issue(DEVICE, NIGHT + 1),
        () => desk.issuePassword(DEVICE),
        () => desk.setPassword(DEVICE, CHOSEN),
        () => desk.revoke(DEVICE, NIGHT),
      ]) {
        await change();
        versions.push(await records.registry.version());
      }
      expect(new Set(versions).size).toBe(versions.length);
      expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    });

    it('are not made for devices that are not there', async () => {
      const desk = records.credentialDesk;
      for (const wish of [
        () => desk.issue('nobody'),
        () => desk.issuePassword('nobody'),
        () => desk.setPassword('nobody', CHOSEN),
        () => desk.revoke('nobody', NIGHT),
      ])
        await expect(wish()).rejects.toMatchObject({ code: 'UNKNOWN_DEVICE' });
    });
  });
}
