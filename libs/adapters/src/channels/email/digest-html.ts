import type { DigestText, IncidentText } from '@canh/core/dispatch/digest-text';
import { html, type Html } from './html.js';
import { footer, mailPage, note, row, title, TONES, unbroken } from './mail-page.js';

/** Short, since there may be hundreds of it in one mail. */
const incident = ({ tone, status, headline, details, url }: IncidentText): Html => {
  const { band, mark } = TONES[tone];
  const heading = html`<b>${mark} ${status}</b> · ${unbroken(headline)}`;
  return html`<div class="line" style="border-left:4px solid ${band};margin:0 0 10px;padding:0 0 0 10px">
    <div class="text">
      ${url === null ? heading : html`<a class="text" href="${url}" style="color:#16191C">${heading}</a>`}
    </div>
    ${details.map((line) => html`<div class="soft" style="color:#4C545B;font-size:13px">${line}</div>`)}
  </div>`;
};

const area = ({ name, incidents }: DigestText['areas'][number]): Html =>
  row(
    html`<h2 class="text" style="margin:0 0 8px;color:#16191C;font-size:16px;line-height:1.4">${name}</h2>
      <div style="font-size:15px;line-height:1.45">${incidents.map(incident)}</div>`,
    '4px 24px 12px',
  );

/** The HTML part of a digest: the same text as the plain part. */
export function digestHtml(text: DigestText): string {
  const { language, tone, subject, status } = text;
  const rows = [title(text.headline), row(note(text.why), '0 24px 4px'), ...text.areas.map(area), footer(text.footer)];
  return mailPage({ language, tone, subject, preview: text.areas[0]?.incidents[0]?.headline ?? '', status, rows });
}
