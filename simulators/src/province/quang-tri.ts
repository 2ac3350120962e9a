import type { LocalText } from '@canh/core/stations/local-text';
import type { Limit } from '@canh/core/stations/limit';
import type { Area, Device, Station } from '@canh/core/stations/station';
import type { Contact } from '@canh/core/dispatch/notice';
import type { Instant } from '@canh/core/time/instant';

/** The first moment of a day in Vietnam (UTC+7 all year). */
const dayBegins = (year: number, month: number, day: number): Instant => Date.UTC(year, month - 1, day, -7);

/** Two tiers of administration, and the merger with Quảng Bình. */
const MERGED = dayBegins(2025, 7, 1);
/** QĐ 05/2020/QĐ-TTg came into force, and with it the alarm levels of today. */
const DECISION_05_2020 = dayBegins(2020, 3, 20);

export interface SampleProvince {
  readonly areas: readonly Area[];
  readonly stations: readonly Station[];
  /** One device for each station, with the station's id. */
  readonly devices: readonly Device[];
  readonly contacts: readonly Contact[];
}

const PROVINCE_ID = 'quang-tri';

const COMMUNES: readonly (readonly [id: string, vi: string, en: string])[] = [
  ['dong-ha', 'Phường Đông Hà', 'Đông Hà ward'],
  ['nam-dong-ha', 'Phường Nam Đông Hà', 'Nam Đông Hà ward'],
  ['phuong-quang-tri', 'Phường Quảng Trị', 'Quảng Trị ward'],
  ['trieu-phong', 'Xã Triệu Phong', 'Triệu Phong commune'],
  ['cua-viet', 'Xã Cửa Việt', 'Cửa Việt commune'],
  ['ben-hai', 'Xã Bến Hải', 'Bến Hải commune'],
  ['ben-quan', 'Xã Bến Quan', 'Bến Quan commune'],
  ['hieu-giang', 'Xã Hiếu Giang', 'Hiếu Giang commune'],
  ['cam-lo', 'Xã Cam Lộ', 'Cam Lộ commune'],
  ['dakrong', 'Xã Đakrông', 'Đakrông commune'],
  ['ba-long', 'Xã Ba Lòng', 'Ba Lòng commune'],
  ['ta-rut', 'Xã Tà Rụt', 'Tà Rụt commune'],
  ['khe-sanh', 'Xã Khe Sanh', 'Khe Sanh commune'],
  ['huong-phung', 'Xã Hướng Phùng', 'Hướng Phùng commune'],
  ['nam-hai-lang', 'Xã Nam Hải Lăng', 'Nam Hải Lăng commune'],
];

const HYDROMET = 'Đài Khí tượng Thuỷ văn tỉnh Quảng Trị';
const ENVIRONMENT = 'Sở Nông nghiệp và Môi trường tỉnh Quảng Trị';
const TRAFFIC_POLICE = 'Phòng Cảnh sát giao thông, Công an tỉnh Quảng Trị';

/** Alarm levels 1, 2, 3 in metres since QĐ 05/2020. */
function alarmLevels(levels: readonly [number, number, number], document: string): Limit[] {
  return levels.map((value, index) => ({
    name: `alarm_${index + 1}`,
    metric: 'level_m',
    value,
    validFrom: DECISION_05_2020,
    validTo: null,
    document,
  }));
}

const THACH_HAN_LIMITS: readonly Limit[] = [
  ...alarmLevels([3.0, 4.5, 6.0], 'QĐ 05/2020/QĐ-TTg'),
  {
    name: 'alarm_3',
    metric: 'level_m',
    value: 5.5,
    validFrom: null,
    validTo: DECISION_05_2020,
    document: 'QĐ 632/QĐ-TTg (2010)',
  },
];
const HIEN_LUONG_LIMITS = alarmLevels([1.0, 2.0, 2.5], 'Bản tin lũ chính thức / official bulletins');
const HAI_TAN_LIMITS = alarmLevels([1.8, 2.8, 3.5], 'Bản tin lũ chính thức / official bulletins');

type Row = readonly [
  id: string,
  names: LocalText,
  areaId: string,
  ownerUnit: string,
  latitude: number,
  longitude: number,
  profileId: string,
  limits?: readonly Limit[],
];

/** Places as they are, or nearly; which instruments stand there is made up, except the three gauges with legal alarm levels. */
const STATIONS: readonly Row[] = [
  // Thạch Hãn, from the mountains to the sea
  [
    'dakrong',
    { vi: 'Thạch Hãn tại cầu Đakrông', en: 'Đakrông bridge (Thạch Hãn river)' },
    'dakrong',
    HYDROMET,
    16.653,
    106.834,
    'river-gauge',
  ],
  [
    'ba-long',
    { vi: 'Thạch Hãn tại Ba Lòng', en: 'Ba Lòng (Thạch Hãn river)' },
    'ba-long',
    HYDROMET,
    16.63,
    106.98,
    'river-gauge',
  ],
  [
    'thach-han',
    { vi: 'Thạch Hãn tại Thạch Hãn', en: 'Thạch Hãn (Thạch Hãn river)' },
    'phuong-quang-tri',
    HYDROMET,
    16.748,
    107.187,
    'river-gauge',
    THACH_HAN_LIMITS,
  ],
  [
    'cua-viet',
    { vi: 'Thạch Hãn tại Cửa Việt', en: 'Cửa Việt (Thạch Hãn river)' },
    'cua-viet',
    HYDROMET,
    16.902,
    107.168,
    'river-gauge',
  ],
  [
    'dong-ha',
    { vi: 'Hiếu tại Đông Hà', en: 'Đông Hà (Hiếu river)' },
    'dong-ha',
    HYDROMET,
    16.826,
    107.099,
    'river-gauge',
  ],
  [
    'hien-luong',
    { vi: 'Bến Hải tại Hiền Lương', en: 'Hiền Lương (Bến Hải river)' },
    'ben-hai',
    HYDROMET,
    17.003,
    107.051,
    'river-gauge',
    HIEN_LUONG_LIMITS,
  ],
  [
    'hai-tan',
    { vi: 'Ô Lâu tại Hải Tân', en: 'Hải Tân (Ô Lâu river)' },
    'nam-hai-lang',
    HYDROMET,
    16.672,
    107.345,
    'river-gauge',
    HAI_TAN_LIMITS,
  ],
  // Rain over the upper catchments
  [
    'mua-khe-sanh',
    { vi: 'Trạm mưa Khe Sanh', en: 'Khe Sanh rain gauge' },
    'khe-sanh',
    HYDROMET,
    16.625,
    106.731,
    'rain-gauge',
  ],
  [
    'mua-huong-linh',
    { vi: 'Trạm mưa Hướng Linh', en: 'Hướng Linh rain gauge' },
    'huong-phung',
    HYDROMET,
    16.704,
    106.727,
    'rain-gauge',
  ],
  ['mua-ta-rut', { vi: 'Trạm mưa Tà Rụt', en: 'Tà Rụt rain gauge' }, 'ta-rut', HYDROMET, 16.418, 106.982, 'rain-gauge'],
  [
    'mua-ba-long',
    { vi: 'Trạm mưa Ba Lòng', en: 'Ba Lòng rain gauge' },
    'ba-long',
    HYDROMET,
    16.622,
    106.988,
    'rain-gauge',
  ],
  [
    'mua-ben-quan',
    { vi: 'Trạm mưa Bến Quan', en: 'Bến Quan rain gauge' },
    'ben-quan',
    HYDROMET,
    17.036,
    106.932,
    'rain-gauge',
  ],
  [
    'mua-my-chanh',
    { vi: 'Trạm mưa Mỹ Chánh', en: 'Mỹ Chánh rain gauge' },
    'nam-hai-lang',
    HYDROMET,
    16.622,
    107.301,
    'rain-gauge',
  ],
  [
    'nuoc-thach-han',
    { vi: 'Cửa lấy nước Thạch Hãn', en: 'Thạch Hãn water intake' },
    'phuong-quang-tri',
    ENVIRONMENT,
    16.733,
    107.176,
    'water-quality-sonde',
  ],
  [
    'khi-dong-ha',
    { vi: 'Trạm không khí trung tâm Đông Hà', en: 'Đông Hà centre air station' },
    'dong-ha',
    ENVIRONMENT,
    16.817,
    107.101,
    'air-quality-station',
  ],
  [
    'khi-nam-dong-ha',
    { vi: 'Trạm không khí KCN Nam Đông Hà', en: 'Nam Đông Hà industrial park air station' },
    'nam-dong-ha',
    ENVIRONMENT,
    16.79,
    107.11,
    'air-quality-station',
  ],
  [
    'thoi-tiet-dong-ha',
    { vi: 'Trạm khí tượng Đông Hà', en: 'Đông Hà weather station' },
    'nam-dong-ha',
    HYDROMET,
    16.808,
    107.083,
    'weather-station',
  ],
  [
    'thoi-tiet-khe-sanh',
    { vi: 'Trạm khí tượng Khe Sanh', en: 'Khe Sanh weather station' },
    'khe-sanh',
    HYDROMET,
    16.634,
    106.724,
    'weather-station',
  ],
  // QL1 from north to south, then QL9 inland
  [
    'ql1-nga-tu-song',
    { vi: 'QL1 ngã tư Sòng', en: 'QL1 Sòng junction' },
    'hieu-giang',
    TRAFFIC_POLICE,
    16.856,
    107.078,
    'counting-camera',
  ],
  [
    'ql1-cau-dong-ha',
    { vi: 'QL1 cầu Đông Hà', en: 'QL1 Đông Hà bridge' },
    'dong-ha',
    TRAFFIC_POLICE,
    16.829,
    107.098,
    'counting-camera',
  ],
  [
    'ql1-nam-dong-ha',
    { vi: 'QL1 cửa ngõ nam Đông Hà', en: 'QL1 Đông Hà south' },
    'nam-dong-ha',
    TRAFFIC_POLICE,
    16.793,
    107.119,
    'counting-camera',
  ],
  [
    'ql1-ai-tu',
    { vi: 'QL1 Ái Tử', en: 'QL1 Ái Tử' },
    'trieu-phong',
    TRAFFIC_POLICE,
    16.769,
    107.156,
    'counting-camera',
  ],
  [
    'ql9-nga-ba-dong-ha',
    { vi: 'QL9 ngã ba Đông Hà', en: 'QL9 Đông Hà' },
    'dong-ha',
    TRAFFIC_POLICE,
    16.819,
    107.092,
    'counting-camera',
  ],
  ['ql9-cam-lo', { vi: 'QL9 Cam Lộ', en: 'QL9 Cam Lộ' }, 'cam-lo', TRAFFIC_POLICE, 16.808, 107.003, 'counting-camera'],
];

/** Addresses under `.example` belong to nobody; a demo catches the mail before it leaves the machine. */
const CONTACTS: readonly Contact[] = [
  {
    id: 'truc-ban',
    name: 'Trực ban tỉnh Quảng Trị',
    channel: 'email',
    address: 'truc-ban@quang-tri.example',
    language: 'vi',
    fromSeverity: 'warning',
  },
  {
    id: 'lanh-dao-truc',
    name: 'Lãnh đạo trực',
    channel: 'email',
    address: 'lanh-dao-truc@quang-tri.example',
    language: 'vi',
    fromSeverity: 'critical',
  },
];

/** Quảng Trị after the merger of 1/7/2025: the communes, stations and people that the demo, the simulator and the tests use. */
export function sampleProvince(): SampleProvince {
  const areas: Area[] = [
    {
      id: PROVINCE_ID,
      names: { vi: 'Tỉnh Quảng Trị', en: 'Quảng Trị province' },
      parentId: null,
      validFrom: MERGED,
      validTo: null,
    },
    ...COMMUNES.map(([id, vi, en]): Area => ({
      id: `${PROVINCE_ID}.${id}`,
      names: { vi, en },
      parentId: PROVINCE_ID,
      validFrom: MERGED,
      validTo: null,
    })),
  ];
  const stations = STATIONS.map(
    ([id, names, areaId, ownerUnit, latitude, longitude, profileId, limits = []]): Station => ({
      id,
      names,
      areaId: `${PROVINCE_ID}.${areaId}`,
      ownerUnit,
      position: { latitude, longitude },
      profileId,
      limits,
    }),
  );
  const devices = stations.map(({ id, names, profileId }): Device => ({
    id,
    name: names.vi,
    stationId: id,
    profileId,
    gatewayId: null,
  }));
  return { areas, stations, devices, contacts: CONTACTS };
}
