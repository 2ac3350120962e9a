import type { StationView } from '@canh/contract/views.dto';
import type { DeviceKind } from '@canh/core/stations/profile';
import { describe, expect, it } from 'vitest';
import { findStations, inPlace } from './find.js';

const station = (id: string, name: string, kind: DeviceKind = 'water', area = 'Phường Quảng Trị'): StationView => ({
  id,
  names: { vi: name, en: name },
  kind,
  areaNames: { vi: area, en: area },
  ownerUnit: 'Đài Khí tượng Thuỷ văn',
  latitude: 16.7,
  longitude: 107.2,
  profileId: 'river-gauge',
  intervalMs: 600_000,
  metrics: [],
  limits: [],
  latest: [],
});

const stations = [
  station('thach-han', 'Thạch Hãn tại Thạch Hãn'),
  station('dong-ha', 'Sông Hiếu tại Đông Hà', 'water', 'Phường Đông Hà'),
  station('khi-hoa', 'Không khí Hóa Phước', 'environmental'),
];

const found = (q: string, kind: DeviceKind | null = null): string[] =>
  findStations(stations, { q, kind }).map(({ id }) => id);

describe('finding stations', () => {
  it('finds without marks, with other marks, by area and by words in any order', () => {
    expect(found('thach han')).toEqual(['thach-han']);
    expect(found('HOÁ')).toEqual(['khi-hoa']);
    expect(found('đông')).toEqual(['dong-ha']);
    expect(found('dong')).toEqual(['dong-ha']);
    expect(found('han thach')).toEqual(['thach-han']);
    expect(found('khi tuong')).toHaveLength(3);
    expect(found('nha trang')).toEqual([]);
  });

  it('finds what is typed decomposed, as some input methods do', () => {
    expect(found('Thạch'.normalize('NFD'))).toEqual(['thach-han']);
  });

  it('goes by kind', () => {
    expect(found('', 'environmental')).toEqual(['khi-hoa']);
  });

  it('sorts by kind, then as Vietnamese sorts', () => {
    const names = ['Đông Hà', 'Ô Lâu', 'Bến Hải', 'Cửa Việt', 'Thạch Hãn'].map((name, at) => station(`s${at}`, name));
    expect(inPlace([station('k', 'An Hòa', 'environmental'), ...names]).map(({ names: { vi } }) => vi)).toEqual([
      'Bến Hải',
      'Cửa Việt',
      'Đông Hà',
      'Ô Lâu',
      'Thạch Hãn',
      'An Hòa',
    ]);
  });
});
