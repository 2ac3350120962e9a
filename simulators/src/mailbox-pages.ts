import type { Instant } from '@canh/core/time/instant';
import type { CaughtMail } from './caught-mail.js';

/** The list looks for new mail by itself; without a script, since the page may run none. */
const RELOAD_S = 5;

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.3rem } small { color: GrayText }
table { width: 100%; border-collapse: collapse }
th, td { text-align: left; padding: .5rem; border-bottom: 1px solid color-mix(in srgb, CanvasText 20%, transparent); vertical-align: top; overflow-wrap: anywhere }
td.time { white-space: nowrap }
iframe { width: 100%; height: 34rem; border: 1px solid color-mix(in srgb, CanvasText 20%, transparent); background: #fff }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: 1rem; border: 1px solid color-mix(in srgb, CanvasText 20%, transparent) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem } dt { color: GrayText } dd { margin: 0; overflow-wrap: anywhere }
`;

export function listPage(mails: readonly CaughtMail[], timezone: string): string {
  const rows = mails.map(
    (mail) =>
      `<tr><td class="time">${shown(mail.receivedAt, timezone)}</td><td><a href="/mails/${mail.id}">${escaped(mail.subject) || '(không có tiêu đề / no subject)'}</a></td><td>${escaped(mail.to.join(', '))}</td></tr>`,
  );
  const table =
    rows.length === 0
      ? '<p>Chưa có thư nào. <small lang="en">No mail yet.</small></p>'
      : `<table><thead><tr><th>Lúc <small lang="en">At</small></th><th>Tiêu đề <small lang="en">Subject</small></th><th>Gửi đến <small lang="en">To</small></th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
  return page(
    `Hộp thư thử (${mails.length})`,
    `<h1>Hộp thư thử <small lang="en">Demo mailbox</small></h1>
<p>Thư được giữ lại ở đây, không gửi đi đâu cả. <small lang="en">Mail is kept here and goes nowhere.</small></p>${table}`,
    `<meta http-equiv="refresh" content="${RELOAD_S}">`,
  );
}

export function mailPage(mail: CaughtMail, timezone: string): string {
  const html =
    mail.html === null
      ? ''
      : `<h2>Thư <small lang="en">Mail</small></h2><iframe sandbox="" referrerpolicy="no-referrer" title="Nội dung thư / Mail" src="/mails/${mail.id}/html"></iframe>`;
  const text =
    mail.text === null
      ? ''
      : `<h2>Bản chữ thường <small lang="en">Plain text</small></h2><pre>${linked(mail.text)}</pre>`;
  return page(
    mail.subject,
    `<p><a href="/">← Tất cả thư <small lang="en">All mail</small></a></p><h1>${escaped(mail.subject)}</h1>
<dl><dt>Từ <span lang="en">From</span></dt><dd>${escaped(mail.from)}</dd><dt>Đến <span lang="en">To</span></dt><dd>${escaped(mail.to.join(', '))}</dd>
<dt>Lúc <span lang="en">At</span></dt><dd>${shown(mail.receivedAt, timezone)}</dd></dl>${html}${text}`,
  );
}

export function notFoundPage(): string {
  return page(
    'Không có trang này',
    '<p>Không có trang hoặc thư này; chỉ 200 thư mới nhất được giữ. <small lang="en">No such page or mail; only the newest 200 are kept.</small></p><p><a href="/">← Tất cả thư <small lang="en">All mail</small></a></p>',
  );
}

function page(title: string, body: string, head = ''): string {
  return `<!doctype html><html lang="vi"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">${head}<title>${escaped(title)}</title><style>${STYLE}</style></head><body>${body}</body></html>`;
}

function shown(at: Instant, timezone: string): string {
  return new Intl.DateTimeFormat('vi-VN', { timeZone: timezone, dateStyle: 'short', timeStyle: 'medium' }).format(at);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escaped = (text: string): string => text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);

/** The text with its web addresses as links, since those in the frame cannot be followed. */
function linked(text: string): string {
  return text
    .split(/(https?:\/\/[^\s<>"']+)/g)
    .map((piece, index) =>
      index % 2 === 1
        ? `<a href="${escaped(piece)}" target="_blank" rel="noopener noreferrer">${escaped(piece)}</a>`
        : escaped(piece),
    )
    .join('');
}
