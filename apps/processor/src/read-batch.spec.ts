import { describe, expect, it } from 'vitest';
import { KnownDevices } from '@canh/core/stations/known-devices';
import { readBatch, textOf } from './read-batch.js';

const DEVICES = new KnownDevices({ areas: [], stations: [], devices: [] }, new Map());
const WINDOW = { pastMs: 1_000, futureMs: 1_000 };
const batchOf = (payload: Buffer) =>
  readBatch(
    {
      entries: [{ offset: 7, message: { kind: 'attributes', deviceId: 'd', receivedAt: 5, payload } }],
      next: 9,
      behindBytes: 0,
      damaged: 0,
    },
    DEVICES,
    WINDOW,
  );

describe('reading a stretch of the journal', () => {
  it('keeps the bytes of a message once, however much is wrong with it', () => {
    const devices = Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`device ${index}`, { a: 1 }]));
    const payload = Buffer.from(JSON.stringify(devices));
    const { quarantined } = readBatch(
      {
        entries: [{ offset: 7, message: { kind: 'gateway-telemetry', deviceId: 'g', receivedAt: 5, payload } }],
        next: 9,
        behindBytes: 0,
        damaged: 0,
      },
      DEVICES,
      WINDOW,
    );
    expect(quarantined).toHaveLength(20);
    expect(quarantined.map(({ payload: { length } }) => length)).toEqual([
      payload.length,
      ...Array.from({ length: 19 }, () => 0),
    ]);
    expect(quarantined.at(-1)?.detail).toContain('and 880 more in this message');
  });

  it('keeps bytes of its own, since the buffer of the journal is used again', () => {
    const payload = Buffer.from('not JSON');
    const { quarantined } = batchOf(payload);
    payload.fill(0);
    expect(Buffer.from(quarantined[0]!.payload).toString()).toBe('not JSON');
  });

  it('takes UTF-8 and nothing else for text', () => {
    expect(textOf(Buffer.from('{"a":1}'))).toBe('{"a":1}');
    expect(textOf(Buffer.from('"Thạch Hãn"'))).toBe('"Thạch Hãn"');
    expect(textOf(Buffer.from([0x22, 0xc3, 0x28, 0x22]))).toBeNull();
    expect(batchOf(Buffer.from([0xff])).quarantined).toMatchObject([{ reason: 'not-utf8', offset: 7, part: 0 }]);
  });
});
