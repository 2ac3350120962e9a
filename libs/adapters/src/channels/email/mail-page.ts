import type { NoticeText } from '@canh/core/dispatch/notice-text';
import { html, Html } from './html.js';

/** Colour, shape and number together, as on the console: nobody has to tell red from orange. */
export const TONES: Readonly<Record<NoticeText['tone'], { band: string; ink: string; mark: string }>> = {
  critical: { band: '#C4001A', ink: '#FFFFFF', mark: '■ 1' },
  major: { band: '#D95F02', ink: '#000000', mark: '▲ 2' },
  warning: { band: '#E8B500', ink: '#000000', mark: '◆ 3' },
  returned: { band: '#5A6066', ink: '#FFFFFF', mark: '○' },
};

const FONT = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;";

/**
 * Mail programs that know dark mode read these; the others take the inline styles, which are the light ones. Bands keep their colour in
 * both. A phone gets the facts in one column, since a label beside a Vietnamese place name leaves too little room.
 */
const STYLE = new Html(`
:root { color-scheme: light dark; supported-color-schemes: light dark; }
@media (prefers-color-scheme: dark) {
  .page { background: #14171A !important; }
  .card { background: #22262A !important; border-color: #3A4046 !important; }
  .text { color: #F1F3F5 !important; }
  .soft { color: #AEB6BD !important; }
  .line { border-color: #3A4046 !important; }
  .note { background: #3A3218 !important; border-color: #FFE066 !important; color: #FFF1B8 !important; }
  .todo { background: #2C3238 !important; border-color: #8FB8FF !important; }
  .button { background: #8FB8FF !important; }
  .button a { color: #0B1B33 !important; }
}
@media (max-width: 480px) {
  .gutter { padding-left: 16px !important; padding-right: 16px !important; }
  .page-gutter { padding: 0 !important; }
  .card { border-radius: 0 !important; border-left: 0 !important; border-right: 0 !important; }
  .fact-label, .fact-text { display: block !important; width: auto !important; }
  .fact-label { padding-bottom: 0 !important; border: 0 !important; }
  .fact-text { padding-top: 0 !important; }
  .button { width: 100% !important; }
  .button a { display: block !important; text-align: center !important; }
}`);

/** Keeps a number and its unit on one line. */
export const unbroken = (text: string): string => text.replaceAll(/(\d) (?=[\p{L}\p{N}µ°%])/gu, '$1\u00a0');

export const row = (content: Html, padding: string): Html =>
  html`<tr>
    <td class="gutter" style="padding:${padding};">${content}</td>
  </tr>`;

export const note = (text: string): Html =>
  html`<p
    class="note"
    style="margin:0 0 8px;padding:10px 14px;background:#FFF6D6;border-left:4px solid #E8B500;color:#4A3B00;font-size:15px;line-height:1.5;"
  >
    ${text}
  </p>`;

/** What every mail has, whatever it tells. */
export interface MailPage {
  readonly language: string;
  readonly tone: NoticeText['tone'];
  readonly subject: string;
  readonly preview: string;
  readonly status: string;
  /** Rows of the card below its band. */
  readonly rows: readonly Html[];
}

export const title = (text: string): Html =>
  row(
    html`<h1 class="text" style="margin:0;color:#16191C;font-size:22px;line-height:1.4;font-weight:700;">
      ${unbroken(text)}
    </h1>`,
    '20px 24px 12px',
  );

export const footer = (texts: readonly string[]): Html =>
  row(
    html`${texts.map((line) => html`<p class="soft" style="margin:0;color:#5A6066;font-size:12px;line-height:1.6;word-break:break-word;">${line}</p>`)}`,
    '0 24px 20px',
  );

/** A whole page, in tables, since that is what every mail program can draw. Loads nothing from outside. */
export function mailPage(page: MailPage): string {
  const tone = TONES[page.tone];
  return html`<!doctype html>
    <html lang="${page.language}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="supported-color-schemes" content="light dark" />
        <title>${page.subject}</title>
        <style>
          ${STYLE}
        </style>
      </head>
      <body class="page" style="margin:0;padding:0;background:#E4E6E8;">
        <div style="display:none;max-height:0;overflow:hidden;">${page.preview}</div>
        <table
          role="presentation"
          class="page"
          width="100%"
          cellpadding="0"
          cellspacing="0"
          style="background:#E4E6E8;${FONT}"
        >
          <tr>
            <td class="page-gutter" align="center" style="padding:24px 12px;">
              <table
                role="presentation"
                class="card"
                width="100%"
                cellpadding="0"
                cellspacing="0"
                style="max-width:600px;background:#FFFFFF;border:1px solid #CDD1D5;border-radius:8px;border-collapse:separate;overflow:hidden;text-align:left;"
              >
                <tr>
                  <td
                    class="gutter"
                    bgcolor="${tone.band}"
                    style="padding:12px 24px;background:${tone.band};color:${tone.ink};font-size:15px;line-height:1.5;font-weight:700;"
                  >
                    <span style="padding-right:8px;">${tone.mark}</span>${page.status}
                  </td>
                </tr>
                ${page.rows}
              </table>
            </td>
          </tr>
        </table>
      </body>
    </html> `.text;
}
