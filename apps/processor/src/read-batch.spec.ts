import { describe, expect, it } from 'vitest';
import { KnownDevices } from '@canh/core/stations/known-devices';
import { replayedHead } from '@canh/core/readings/replayed';
import { cutAt, readBatch, textOf } from './read-batch.js';

const DEVICES = new KnownDevices({ areas: [], stations: [], devices: [] }, new Map());
const WINDOW = { pastMs: 1_000, futureMs: 1_000, lateMs: 500 };
const batchOf = (payload: Buffer) =>
  readBatch(
    7,
    {
      entries: [{ offset: 7, message: { kind: 'attributes', deviceId: 'd', receivedAt: 5, payload } }],
      next: 9,
      behindBytes: 0,
      damaged: [],
    },
    DEVICES,
    WINDOW,
  );

describe('reading a stretch of the journal', () => {
  it('keeps the bytes of a message once, however much is wrong with it', () => {
    const devices = Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`device ${index}`, { a: 1 }]));
    const payload = Buffer.from(JSON.stringify(devices));
    const { quarantined, tally } = readBatch(
      7,
      {
        entries: [{ offset: 7, message: { kind: 'gateway-telemetry', deviceId: 'g', receivedAt: 5, payload } }],
        next: 9,
        behindBytes: 0,
        damaged: [],
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
    expect([...tally.lines()]).toMatchObject([{ messages: 1, received: 900, quarantined: { 'unknown-device': 900 } }]);
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

  it('reads a message that was handed in once more as of when it first came, and books it when it came again', () => {
    const readAgain = (kind: 'telemetry' | 'attributes', bytes: string) =>
      readBatch(
        7,
        {
          entries: [
            {
              offset: 7,
              message: {
                kind: 'replayed',
                deviceId: 'd',
                receivedAt: 7_200_000,
                payload: Buffer.from(replayedHead({ kind, receivedAt: 5 }) + bytes),
              },
            },
          ],
          next: 9,
          behindBytes: 0,
          damaged: [],
        },
        DEVICES,
        WINDOW,
      );
    expect(readAgain('attributes', '{"a":1}').attributes).toEqual([{ deviceId: 'd', values: { a: 1 }, at: 5 }]);
    const { quarantined, tally } = readAgain('telemetry', '{"a":\n1}');
    expect(quarantined).toMatchObject([{ reason: 'unknown-device', kind: 'telemetry', senderId: 'd', receivedAt: 5 }]);
    expect(Buffer.from(quarantined[0]!.payload).toString()).toBe('{"a":\n1}');
    expect([...tally.lines()]).toMatchObject([{ hour: 7_200_000, messages: 1, received: 1 }]);
  });

  it('puts what cannot be read of the journal into quarantine, and books it', () => {
    const { quarantined, tally, damaged } = readBatch(
      3,
      {
        entries: [
          {
            offset: 3,
            message: { kind: 'attributes', deviceId: 'd', receivedAt: 6_000_000, payload: Buffer.from('{}') },
          },
        ],
        next: 90,
        behindBytes: 0,
        damaged: [{ offset: 40, length: 50, bytes: Buffer.from('rot') }],
      },
      DEVICES,
      WINDOW,
    );
    expect(damaged).toBe(1);
    expect(quarantined).toMatchObject([{ offset: 40, reason: 'damaged', kind: null, receivedAt: 6_000_000 }]);
    expect([...tally.lines()]).toMatchObject([
      { deviceId: 'd', messages: 1 },
      { deviceId: '', hour: 3_600_000, received: 1, quarantined: { damaged: 1 } },
    ]);
  });
});

describe('a stretch cut at a place', () => {
  const message = { kind: 'attributes' as const, deviceId: 'd', receivedAt: 5, payload: Buffer.from('{}') };
  const stretch = {
    entries: [3, 5, 8].map((offset) => ({ offset, message })),
    damaged: [{ offset: 6, length: 2, bytes: Buffer.from('xx') }],
    next: 9,
    behindBytes: 0,
  };

  it('holds what stands before it, and ends there', () => {
    const cut = cutAt(6, stretch);
    expect([cut.entries.map(({ offset }) => offset), cut.damaged.length, cut.next]).toEqual([[3, 5], 0, 6]);
  });

  it('is whole where the place is not reached', () => {
    expect(cutAt(9, stretch)).toBe(stretch);
    expect(cutAt(null, stretch)).toBe(stretch);
  });
});
