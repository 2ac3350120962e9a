import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { limitInForce } from '@canh/core/stations/limit';
import { sampleProvince } from './quang-tri.js';

const at = (text: string): number => Date.parse(text);
const { areas, stations, devices, contacts } = sampleProvince();
const station = (id: string) => stations.find((one) => one.id === id)!;

describe('the sample province', () => {
  it('has a device at every station and an area around it that exists since the merger', () => {
    expect(stations).toHaveLength(24);
    expect(new Set(stations.map(({ id }) => id)).size).toBe(24);
    for (const { id, areaId, profileId, position } of stations) {
      expect(devices.filter((device) => device.stationId === id && device.profileId === profileId)).toHaveLength(1);
      const area = areas.find((one) => one.id === areaId)!;
      expect(area.parentId).toBe('quang-tri');
      expect(area.validFrom).toBe(at('2025-07-01T00:00:00+07:00'));
      expect(position.latitude).toBeGreaterThan(16.2);
      expect(position.latitude).toBeLessThan(17.3);
      expect(position.longitude).toBeGreaterThan(106.5);
      expect(position.longitude).toBeLessThan(107.5);
    }
    expect(contacts.every(({ address }) => address.endsWith('.example'))).toBe(true);
  });

  it('has the alarm levels of the published table, each from the day it came into force', () => {
    const table = readFileSync(join(import.meta.dirname, '../../../tests/data/water/flood-alarm-levels.csv'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(','));
    for (const [id, name] of [
      ['thach-han', 'Thạch Hãn'],
      ['hien-luong', 'Hiền Lương'],
      ['hai-tan', 'Hải Tân'],
    ] as const) {
      const [, , ...row] = table.find((cells) => cells[1] === name && cells[7] === '')!;
      for (const level of [1, 2, 3]) {
        const limit = limitInForce(station(id).limits, 'level_m', `alarm_${level}`, at('2025-10-27T00:00:00+07:00'));
        expect(limit?.value).toBe(Number(row[level - 1]));
        expect(limit?.validFrom).toBe(at(`${row[4]}T00:00:00+07:00`));
      }
    }
  });

  it('judges the Thạch Hãn by 5.5 m until 19/3/2020 and by 6.0 m from the day after', () => {
    const { limits } = station('thach-han');
    expect(limitInForce(limits, 'level_m', 'alarm_3', at('2020-03-19T23:59:59+07:00'))?.value).toBe(5.5);
    expect(limitInForce(limits, 'level_m', 'alarm_3', at('2020-03-20T00:00:00+07:00'))?.value).toBe(6);
    expect(limitInForce(limits, 'level_m', 'alarm_1', at('2020-03-19T00:00:00+07:00'))).toBeUndefined();
  });
});
