import type { ConfirmationText } from '@canh/core/dispatch/confirmation';
import type { Language } from '@canh/core/stations/local-text';
import { html, type Html } from './html.js';
import { mailPage, row, title } from './mail-page.js';

const line = (text: string): Html =>
  html`<p class="text" style="margin:0 0 12px;color:#16191C;font-size:16px;line-height:1.5">${text}</p>`;

/** The HTML part of the mail with the code. */
export function confirmationHtml({ subject, headline, lines }: ConfirmationText, language: Language): string {
  const rows = [title(headline), row(html`${lines.map(line)}`, '0 24px 12px')];
  return mailPage({ language, tone: 'returned', subject, preview: headline, status: subject, rows });
}
