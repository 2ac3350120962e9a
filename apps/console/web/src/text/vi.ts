import type { AlertEvent, AlertState } from '@canh/core/alerts/alert';
import type { DeliveryState, Outcome } from '@canh/core/dispatch/notice';
import type { QuarantineReason } from '@canh/core/readings/quarantine';
import type { Severity } from '@canh/core/rules/rule';
import type { DeviceKind } from '@canh/core/stations/profile';
import type { Freshness } from '../live/freshness.js';

/** The two halves of what the server says in both languages; all of it, twice, where it is not of that form. */
export function halves(bothLanguages: string): readonly [vi: string, en: string] {
  const [vietnamese, english, ...more] = bothLanguages.split(' / ');
  return vietnamese === undefined || english === undefined || more.length > 0
    ? [bothLanguages, bothLanguages]
    : [vietnamese, english];
}

/** Every word that an operator reads. Vietnamese is written first; `en.ts` does not compile unless it has the same words. */
export const vi = {
  product: 'Canh',
  productSays: 'Trực ban quan trắc',
  close: 'Đóng',
  back: 'Quay lại',
  tryAgain: 'Thử lại',
  loading: 'Đang tải…',
  missing: 'không có số liệu',
  none: 'Không có',
  language: 'Ngôn ngữ',
  skipToList: 'Tới danh sách cảnh báo',

  signIn: {
    title: 'Đăng nhập',
    says: 'Màn hình trực ban: cảnh báo, trạm đo và số liệu đang về.',
    login: 'Tên đăng nhập',
    password: 'Mật khẩu',
    showPassword: 'Hiện hoặc ẩn mật khẩu',
    submit: 'Đăng nhập',
    submitting: 'Đang đăng nhập…',
    refused: 'Sai tên đăng nhập hoặc mật khẩu.',
    ended: 'Phiên làm việc đã hết. Đăng nhập lại để tiếp tục ở đúng chỗ này.',
  },

  problem: {
    network: 'Không tới được máy chủ. Kiểm tra kết nối mạng rồi thử lại.',
    timeout: 'Máy chủ không trả lời kịp. Việc này có thể chưa được thực hiện; xem lại trước khi thử lại.',
    /** The server says everything twice: “Tiếng Việt. / English.” */
    ours: (bothLanguages: string) => halves(bothLanguages)[0],
    server: (status: number) => `Máy chủ báo lỗi ${status}.`,
    notUnderstood: 'Máy chủ trả lời không đúng dạng. Có thể trang đã cũ: tải lại trang.',
    panel: 'Không lấy được phần này',
    page: 'Trang gặp lỗi và đã dừng phần này.',
    reload: 'Tải lại trang',
    gone: 'Không tìm thấy. Có thể đã bị xóa, hoặc đường dẫn sai.',
  },

  nav: {
    alerts: 'Cảnh báo',
    stations: 'Trạm',
    quarantine: 'Số liệu bị giữ lại',
    quarantineShort: 'Bị giữ lại',
    views: 'Các phần của trang',
  },

  header: {
    demoInbox: 'Hộp thư thử',
    demoInboxSays: 'Mở hộp thư nhận tin của bản chạy thử (thẻ mới)',
    account: (name: string) => `Tài khoản ${name}`,
    role: { admin: 'Quản trị', officer: 'Trực ban' } satisfies Record<'admin' | 'officer', string>,
    signOut: 'Đăng xuất',
    theme: 'Giao diện',
    themes: { auto: 'Theo máy', light: 'Ngày', dark: 'Đêm' } satisfies Record<'auto' | 'light' | 'dark', string>,
    help: 'Phím tắt và trợ giúp',
  },

  live: {
    state: { live: 'Trực tuyến', late: 'Chậm', lost: 'Mất kết nối' } satisfies Record<Freshness, string>,
    connecting: 'Đang nối',
    serverClock: 'giờ máy chủ',
    lateStrip: (age: string) => `Chưa có tin mới từ máy chủ trong ${age}. Số liệu có thể đã cũ.`,
    lostTitle: 'MẤT KẾT NỐI',
    lostStrip: (at: string, age: string) => `Số liệu dưới đây là của lúc ${at} (${age} trước). Đang tự nối lại.`,
    neverStrip: 'Chưa nhận được số liệu nào từ máy chủ. Đang tự nối lại.',
    reconnect: 'Nối lại ngay',
    resumed: (changes: number) =>
      changes === 0 ? 'Đã nối lại, không bỏ lỡ thay đổi nào.' : `Đã nối lại, đã bù ${changes} thay đổi.`,
    readingsStored: (count: string) => `${count} số đo đã lưu`,
    behind: (size: string) => `Đang xử lý chậm: còn ${size} chưa xử lý`,
  },

  severity: { critical: 'Khẩn cấp', major: 'Nghiêm trọng', warning: 'Cảnh báo' } satisfies Record<Severity, string>,
  priority: (level: number, severity: string) => `P${level} ${severity}`,

  alerts: {
    title: 'Cảnh báo',
    list: 'Danh sách cảnh báo chưa đóng',
    counts: 'Lọc theo mức và trạng thái',
    unacknowledged: 'Chưa xác nhận',
    countOf: (what: string, count: number) => `${what}: ${count}`,
    empty: 'Không có cảnh báo',
    emptySays: (at: string) => `Không có cảnh báo nào chưa đóng lúc ${at}.`,
    filteredAway: (count: number) => `Không có cảnh báo khớp bộ lọc (${count} bị ẩn)`,
    clearFilter: 'Bỏ lọc',
    newRows: (count: number) => `${count} mới`,
    newRowsSays: (count: number) => `Hiện ${count} cảnh báo mới và xếp lại danh sách`,
    moved: 'Xếp lại',
    more: (count: number) => `Còn ${count} cảnh báo nữa, hiện thêm`,
    newCritical: (count: number) =>
      count === 1
        ? 'Cảnh báo khẩn cấp chưa hiện trong danh sách'
        : `${count} cảnh báo khẩn cấp chưa hiện trong danh sách`,
    see: 'Xem',
    columns: { age: 'Kéo dài', place: 'Nơi', what: 'Sự việc', state: 'Trạng thái' },
    state: {
      active: 'Chưa xác nhận',
      acknowledged: 'Đã xác nhận',
      returned: 'Đã hết, chưa xác nhận',
      closed: 'Đã đóng',
    } satisfies Record<AlertState, string>,
    whoAt: (name: string, at: string) => `${name}, ${at}`,
    above: (limit: string, by: string) => `trên ${limit} ${by}`,
    below: (limit: string, by: string) => `dưới ${limit} ${by}`,
    at: (limit: string) => `ở mức ${limit}`,
    limit: 'ngưỡng',
    noLimit: 'không còn ngưỡng nào có hiệu lực',
    alarmLevel: (level: number) => `BĐ${level}`,
    valueAndLimit: (value: string, limit: string) => `${value} | ${limit}`,
    mayBeMore: (shown: number) =>
      `Chỉ có ${shown} cảnh báo thay đổi gần nhất; máy chủ còn nữa. Xác nhận bớt để thấy hết.`,
    acknowledge: 'Xác nhận',
    acknowledgeOf: (place: string) => `Xác nhận cảnh báo ở ${place}`,
    sending: 'đang gửi',
    conflictBy: (name: string, at: string) => `${name} đã xác nhận lúc ${at}`,
    conflictAlready: 'Cảnh báo này đã được xác nhận hoặc đã đóng.',
    conflictStale: 'Cảnh báo vừa thay đổi. Xem lại rồi xác nhận.',
    conflictGone: 'Cảnh báo này không còn nữa.',
    notSent: (why: string) => `Chưa xác nhận được. ${why}`,
    announceCritical: (place: string, what: string) => `Cảnh báo khẩn cấp mới: ${place}, ${what}`,
  },

  detail: {
    title: 'Chi tiết cảnh báo',
    choose: 'Chọn một cảnh báo để xem việc cần làm, biểu đồ và ai đã được báo.',
    measuredAt: (at: string, age: string) => `đo lúc ${at}, ${age} trước`,
    since: (at: string) => `từ ${at}`,
    lasting: (age: string) => `kéo dài ${age}`,
    lasted: (age: string) => `đã kéo dài ${age}`,
    worst: (priority: string) => `có lúc lên ${priority}`,
    guidance: 'Việc cần làm',
    response: 'Xử lý',
    cause: 'Nguyên nhân thường gặp',
    consequence: 'Nếu không xử lý',
    evidence: 'Vì sao có cảnh báo',
    rule: 'Luật',
    ruleVersion: (name: string, version: number) => `${name}, phiên bản ${version}`,
    reading: 'Số đo',
    flag: 'Độ tin cậy',
    limit: 'Ngưỡng',
    limitInRule: 'đặt trong luật',
    document: 'Văn bản',
    documentNone: 'ngưỡng đặt trong luật, không theo văn bản',
    device: 'Thiết bị',
    received: 'Nhận lúc',
    flagUnknown: 'Số đo này không còn là số đo mới nhất và không nằm trong biểu đồ đang xem',
    worstInStep: (flag: string, step: string) => `${flag} (kém nhất trong ${step})`,
    history: 'Diễn biến',
    historyKind: {
      raised: 'Phát cảnh báo',
      'severity-changed': 'Đổi mức',
      returned: 'Trở lại bình thường',
      acknowledged: 'Xác nhận',
      closed: 'Đóng',
    } satisfies Record<AlertEvent['kind'], string>,
    byRule: 'hệ thống',
    deliveries: 'Đã báo cho ai',
    noDeliveries: 'Chưa có tin nào được lên lịch gửi cho cảnh báo này.',
    deliveryEvent: { raised: 'báo mới', escalated: 'báo tăng mức', returned: 'báo đã hết' } satisfies Record<
      'raised' | 'escalated' | 'returned',
      string
    >,
    channel: { email: 'Thư điện tử', webhook: 'Webhook' } satisfies Record<'email' | 'webhook', string>,
    deliveryState: {
      pending: 'đang chờ gửi',
      accepted: 'máy nhận đã nhận',
      refused: 'bị từ chối',
      'given-up': 'đã thôi gửi',
    } satisfies Record<DeliveryState, string>,
    nextAttempt: (at: string) => `thử lại lúc ${at}`,
    attempt: (index: number) => `Lần ${index}`,
    outcome: { accepted: 'đã nhận', refused: 'từ chối', failed: 'không gửi được' } satisfies Record<
      Outcome['kind'],
      string
    >,
    noAttempt: 'chưa gửi lần nào',
    openStation: 'Mở trạm',
  },

  stations: {
    title: 'Trạm',
    list: 'Danh sách trạm',
    search: 'Tìm trạm, xã, đơn vị',
    clearSearch: 'Xóa ô tìm',
    kind: { water: 'Nước', environmental: 'Môi trường', 'traffic-camera': 'Camera giao thông' } satisfies Record<
      DeviceKind,
      string
    >,
    allKinds: 'Tất cả',
    kinds: 'Lọc theo loại trạm',
    onlyOverdue: 'Quá hạn',
    count: (shown: number, all: number) => (shown === all ? `${all} trạm` : `${shown} / ${all} trạm`),
    empty: 'Chưa có trạm nào. Thêm trạm bằng lệnh: canh station add',
    filteredAway: (count: number) => `Không có trạm khớp bộ lọc (${count} bị ẩn)`,
    more: (count: number) => `Còn ${count} trạm nữa, hiện thêm`,
    overdue: 'quá hạn gửi số liệu',
    overdueFor: (age: string) => `quá hạn gửi số liệu (lần cuối ${age} trước)`,
    never: 'chưa gửi số liệu lần nào',
    backlog: 'đang gửi bù số liệu cũ',
    ago: (age: string) => `${age} trước`,
    flag: { 1: 'tốt', 2: 'chưa kiểm tra', 3: 'nghi ngờ', 4: 'lỗi', 9: 'thiếu' } as Record<number, string>,
    flagOther: (flag: number) => `cờ ${flag}`,
    facts: 'Thông tin trạm',
    id: 'Mã trạm',
    owner: 'Đơn vị quản lý',
    area: 'Địa bàn',
    position: 'Vị trí',
    positionOf: (latitude: string, longitude: string) => `${latitude}, ${longitude}`,
    interval: 'Chu kỳ gửi',
    profile: 'Loại thiết bị',
    last: 'Số đo mới nhất',
    columns: { metric: 'Thông số', value: 'Giá trị', flag: 'Độ tin cậy', measuredAt: 'Đo lúc' },
    limits: 'Ngưỡng theo văn bản',
    noLimits: 'Trạm này không có ngưỡng riêng.',
    inForceFrom: (from: string) => `từ ${from}`,
    inForceTo: (to: string) => `đến hết ${to}`,
    inForceSpan: (from: string, to: string) => `từ ${from} đến hết ${to}`,
    alwaysInForce: 'không ghi thời hạn',
    openAlerts: 'Cảnh báo đang mở',
    choose: 'Chọn một trạm để xem biểu đồ và số đo mới nhất.',
  },

  chart: {
    title: 'Biểu đồ',
    metrics: 'Thông số',
    period: 'Khoảng thời gian',
    periods: { '6h': '6 giờ', '24h': '24 giờ', '7d': '7 ngày' } satisfies Record<'6h' | '24h' | '7d', string>,
    empty: 'Không có số đo nào trong khoảng thời gian này.',
    range: (min: string, max: string) => `thấp nhất ${min}, cao nhất ${max}`,
    mean: 'trung bình',
    at: (time: string, value: string) => `${time}: ${value}`,
    span: (min: string, max: string) => `${min} đến ${max}`,
    describes: (metric: string, station: string) => `Biểu đồ ${metric} tại ${station}`,
    newest: (value: string, at: string) => `mới nhất ${value} lúc ${at}`,
    suspect: 'nghi ngờ hoặc lỗi',
    firing: 'lúc có cảnh báo',
    band: 'thấp nhất đến cao nhất',
    updating: 'đang cập nhật',
  },

  quarantine: {
    title: 'Số liệu bị giữ lại',
    says: 'Những gì đã tới nhưng không đọc được thành số đo. Không mất gì: nguyên văn được giữ cùng lý do.',
    counts: 'Theo lý do',
    newest: 'Mới nhất',
    empty: 'Không có số liệu nào bị giữ lại.',
    filteredAway: (count: number) => `Không có dòng mới nhất nào mang lý do này (${count} dòng khác bị ẩn)`,
    total: (count: string) => `${count} phần bị giữ lại`,
    columns: {
      receivedAt: 'Nhận lúc',
      device: 'Thiết bị',
      reason: 'Lý do',
      detail: 'Cụ thể',
      excerpt: 'Nguyên văn (phần đầu)',
    },
    bytes: (count: string) => `${count} byte`,
    unknownDevice: 'không rõ thiết bị',
    all: 'Tất cả',
    reason: {
      'not-utf8': 'không phải UTF-8',
      'not-json': 'không phải JSON',
      'too-deep': 'lồng quá sâu',
      'too-many-values': 'quá nhiều giá trị',
      'wrong-shape': 'sai cấu trúc',
      'not-a-number': 'không phải số',
      'bad-time': 'thời gian sai',
      'too-old': 'quá cũ',
      'in-the-future': 'ở tương lai',
      'unknown-device': 'thiết bị lạ',
      'unknown-metric': 'thông số lạ',
      refused: 'bị từ chối',
      'store-refused': 'kho số liệu từ chối',
      damaged: 'bị hỏng',
    } satisfies Record<QuarantineReason, string>,
  },

  help: {
    title: 'Phím tắt',
    move: 'xuống / lên một dòng',
    open: 'mở dòng đang chọn',
    acknowledge: 'xác nhận cảnh báo đang chọn hoặc đang mở',
    search: 'tìm trạm',
    closeDetail: 'đóng chi tiết',
    help: 'mở trợ giúp này',
    on: 'Dùng phím tắt',
    marks: 'Dấu hiệu',
    filled: 'đặc, nháy: chưa xác nhận',
    still: 'đặc, đứng yên: đã xác nhận',
    outline: 'viền: đã hết, chưa xác nhận',
    hatched: 'số liệu gạch chéo: trang mất kết nối, số không còn đáng tin là hiện tại',
    sound: 'Trang này chưa có chuông. Cảnh báo khẩn cấp được gửi theo danh bạ nhận tin.',
  },

  /** Units that are words; the others are the same in every language. */
  units: { '{vehicle}': 'xe', '{vehicles}': 'xe', '{count}': 'lượt' } as Record<string, string>,

  age: {
    seconds: (count: number) => `${count} giây`,
    minutes: (count: number) => `${count} phút`,
    hours: (hours: number, minutes: string) => `${hours} giờ ${minutes}`,
    days: (count: number) => `${count} ngày`,
  },
};

export type Words = typeof vi;
