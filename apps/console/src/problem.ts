import { HttpException } from '@nestjs/common';

/** A refusal that its reader can do something about, in both languages. */
export class Problem extends HttpException {
  constructor(
    statusCode: number,
    readonly code: string,
    readonly says: { readonly vi: string; readonly en: string },
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(`${says.vi} / ${says.en}`, statusCode);
  }
}

export const notFound = (): Problem =>
  new Problem(404, 'not-found', { vi: 'Không có địa chỉ này.', en: 'There is nothing at this address.' });

export const signedOut = (): Problem =>
  new Problem(401, 'signed-out', {
    vi: 'Bạn chưa đăng nhập hoặc phiên đã hết. Hãy đăng nhập.',
    en: 'You are not signed in, or the session has ended. Sign in.',
  });

export const crossSite = (): Problem =>
  new Problem(403, 'cross-site', {
    vi: 'Yêu cầu này không đến từ trang của Canh.',
    en: 'This request does not come from the page of Canh. A program sends the header x-canh: console.',
  });

export const wrongCredentials = (): Problem =>
  new Problem(401, 'wrong-credentials', { vi: 'Sai tên đăng nhập hoặc mật khẩu.', en: 'Wrong login or password.' });

export const tooManyAttempts = (waitMs: number): Problem => {
  const seconds = Math.ceil(waitMs / 1_000);
  return new Problem(
    429,
    'too-many-attempts',
    {
      vi: `Sai quá nhiều lần. Hãy thử lại sau ${seconds} giây.`,
      en: `Too many failed attempts. Try again in ${seconds} s.`,
    },
    { 'retry-after': String(seconds) },
  );
};

export const busy = (): Problem =>
  new Problem(
    503,
    'busy',
    { vi: 'Máy chủ đang bận. Hãy thử lại sau ít giây.', en: 'The server is busy. Try again in a few seconds.' },
    { 'retry-after': '5' },
  );

export const tooManyStreams = (): Problem =>
  new Problem(
    503,
    'too-many-streams',
    { vi: 'Quá nhiều trang đang mở cùng lúc. Hãy đóng bớt.', en: 'Too many pages are open at once. Close some.' },
    { 'retry-after': '10' },
  );

export const unknownStation = (id: string): Problem =>
  new Problem(404, 'unknown-station', { vi: `Không có trạm “${id}”.`, en: `There is no station “${id}”.` });

export const unknownMetric = (stationId: string, metric: string): Problem =>
  new Problem(404, 'unknown-metric', {
    vi: `Trạm “${stationId}” không đo “${metric}”.`,
    en: `Station “${stationId}” does not measure “${metric}”.`,
  });

export const badSpan = (): Problem =>
  new Problem(400, 'bad-span', {
    vi: 'Khoảng thời gian sai: “from” phải trước “to”.',
    en: 'The span is wrong: from must be before to.',
  });

export const unknownDevice = (id: string): Problem =>
  new Problem(404, 'unknown-device', { vi: `Không có thiết bị “${id}”.`, en: `There is no device “${id}”.` });

export const notAnHour = (): Problem =>
  new Problem(400, 'bad-hour', {
    vi: '“hour” phải là lúc bắt đầu một giờ.',
    en: 'hour must be the beginning of an hour.',
  });

export const nothingSelected = (): Problem =>
  new Problem(400, 'nothing-selected', {
    vi: 'Chưa chọn phần nào để giải mã lại: hãy nêu deviceId, reason, from hoặc to, hoặc all: true cho tất cả.',
    en: 'Nothing is selected to be decoded again: name deviceId, reason, from or to, or say all: true for everything.',
  });

export const onlyAdministrators = (): Problem =>
  new Problem(403, 'only-administrators', {
    vi: 'Chỉ quản trị viên được làm việc này.',
    en: 'Only administrators may do this.',
  });

export const unknownCommand = (deviceId: string, command: string): Problem =>
  new Problem(404, 'unknown-command', {
    vi: `Thiết bị “${deviceId}” không có lệnh số “${command}”.`,
    en: `Device “${deviceId}” has no command “${command}”.`,
  });

export const paramsTooLong = (bytes: number, most: number): Problem =>
  new Problem(400, 'params-too-long', {
    vi: `Tham số dài ${bytes} byte, nhiều nhất ${most}. Hãy gửi ít hơn.`,
    en: `The params have ${bytes} bytes, at most ${most}. Send less.`,
  });

export const tooManyCommands = (deviceId: string): Problem =>
  new Problem(409, 'too-many-commands', {
    vi: `Đã có quá nhiều lệnh đang chờ thiết bị “${deviceId}”. Hãy đợi thiết bị nhận bớt hoặc các lệnh đó hết hạn.`,
    en: `Too many commands wait for device “${deviceId}” already. Wait until it has taken them or they have expired.`,
  });

export const unknownAlert = (): Problem =>
  new Problem(404, 'unknown-alert', { vi: 'Không có cảnh báo này.', en: 'There is no such alert.' });

export const alertStale = (version: number): Problem =>
  new Problem(409, 'alert-stale', {
    vi: `Cảnh báo đã thay đổi (nay là bản ${version}). Hãy xem lại rồi xác nhận.`,
    en: `The alert has changed (it is version ${version} now). Look again, then acknowledge.`,
  });

export const alertAlready = (by: string, clock: string): Problem =>
  new Problem(409, 'alert-already', {
    vi: `${by} đã xác nhận lúc ${clock}.`,
    en: `${by} acknowledged it at ${clock}.`,
  });
