import type { LabelledText, NoticeText } from '@canh/core/dispatch/notice-text';
import { html, lines, type Html } from './html.js';
import { footer, mailPage, note, row, title, unbroken } from './mail-page.js';

const response = ({ label, text }: LabelledText): Html =>
  html`<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="border-collapse:collapse;">
    <tr>
      <td class="todo" style="padding:12px 16px;background:#EEF3FB;border-left:4px solid #1D4E9E;">
        <p class="soft" style="margin:0 0 2px;color:#4C545B;font-size:13px;line-height:1.5;">${label}</p>
        <p class="text" style="margin:0;color:#16191C;font-size:16px;line-height:1.55;">${lines(text)}</p>
      </td>
    </tr>
  </table>`;

const button = ({ label, url }: { label: string; url: string }): Html =>
  html`<table
    role="presentation"
    cellpadding="0"
    cellspacing="0"
    class="button"
    style="border-collapse:separate;background:#1D4E9E;border-radius:6px;"
  >
    <tr>
      <td style="border-radius:6px;">
        <a
          href="${url}"
          style="display:inline-block;padding:12px 22px;color:#FFFFFF;font-size:16px;line-height:24px;font-weight:600;text-decoration:none;"
          >${label}</a
        >
      </td>
    </tr>
  </table>`;

const fact = ({ label, text }: LabelledText): Html =>
  html`<tr>
    <th
      scope="row"
      class="fact-label soft line"
      style="width:32%;padding:8px 12px 8px 0;border-bottom:1px solid #E4E6E8;color:#4C545B;font-size:14px;line-height:1.5;font-weight:400;text-align:left;vertical-align:top;"
    >
      ${label}
    </th>
    <td
      class="fact-text text line"
      style="padding:8px 0;border-bottom:1px solid #E4E6E8;color:#16191C;font-size:15px;line-height:1.5;vertical-align:top;"
    >
      ${unbroken(text)}
    </td>
  </tr>`;

const background = ({ label, text }: LabelledText): Html =>
  html`<p class="soft" style="margin:0 0 2px;color:#4C545B;font-size:13px;line-height:1.5;">${label}</p>
    <p class="text" style="margin:0 0 12px;color:#16191C;font-size:15px;line-height:1.55;">${lines(text)}</p>`;

/** The HTML part of a notice: the same text as the plain part. */
export function mailHtml(text: NoticeText): string {
  const { language, tone, subject, preview, status } = text;
  const rows = [
    title(text.headline),
    ...(text.notes.length === 0 ? [] : [row(html`${text.notes.map(note)}`, '0 24px 4px')]),
    ...(text.response === null ? [] : [row(response(text.response), '4px 24px 12px')]),
    ...(text.link === null ? [] : [row(button(text.link), '4px 24px 16px')]),
    row(
      html`<table width="100%" cellpadding="0" cellspacing="0" style="border-collapse:collapse;">
        ${text.facts.map(fact)}
      </table>`,
      '0 24px 16px',
    ),
    ...(text.background.length === 0 ? [] : [row(html`${text.background.map(background)}`, '0 24px 4px')]),
    footer(text.footer),
  ];
  return mailPage({ language, tone, subject, preview, status, rows });
}
