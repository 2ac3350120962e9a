import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AlertDetailView, AlertView } from '@canh/contract/views.dto';
import {
  acknowledge,
  alertRows,
  complaintsOf,
  demoInboxUrl,
  openAlert,
  openBrowser,
  openPage,
  signIn,
} from '../console-page/flow.js';
import { Api, Program } from '../support/canh-process.js';
import { eventually } from '../support/eventually.js';
import { missing } from '../support/servers/series-server.js';

/** How soon after its start the demonstration must have something to show. */
const ALERT_WITHIN_MS = 60_000;

interface Mail {
  readonly subject: string;
  readonly to: readonly string[] | string;
}

describe.skipIf(missing('chromium', 'chromium'))('canh demo', () => {
  let program: Program;
  let browser: Browser;
  let consoleUrl = '';
  let password = '';

  beforeAll(async () => {
    // Ports of its own: the usual ones may be somebody's.
    program = new Program('apps/canh/src/main.js', ['demo'], {
      CANH_HTTP_PORT: '0',
      CANH_MQTT_PORT: '0',
      CANH_WS_PORT: '0',
    });
    [, password = ''] = await program.printed(/password \(shown only once\): (\S+)/);
    [, consoleUrl = ''] = await program.printed(/console:\s+(\S+)/);
    browser = await openBrowser();
  }, 90_000);
  afterAll(async () => {
    await browser?.close();
    await program?.kill();
  });

  it(
    'shows a river alert within a minute, its mail can be read, and acknowledging it changes it',
    async () => {
      const page = await openPage(browser, { language: 'vi' });
      const complaints = complaintsOf(page);
      const failed: string[] = [];
      page.on('requestfailed', (request) => failed.push(`${request.method()} ${request.url()}`));
      page.on('response', (answer) => {
        // Before anybody signed in, the page asks who is signed in; that is answered 401.
        const whoAmI = answer.status() === 401 && answer.url().endsWith('/api/session');
        if (answer.status() >= 400 && !whoAmI) failed.push(`${answer.status()} ${answer.url()}`);
      });
      await signIn(page, { url: consoleUrl, password });

      const api = await Api.signIn(consoleUrl, password);
      let river: AlertView | undefined;
      await eventually(async () => {
        const open = await api.get<AlertView[]>('/api/alerts');
        river = open.find(({ ruleId, state }) => ruleId === 'river-level' && state === 'active');
        expect(river, `a river alert among ${open.map(({ ruleId }) => ruleId).join(', ')}`).toBeDefined();
      }, ALERT_WITHIN_MS);
      const { id, stationNames } = river!;
      const row = page.locator(`[data-testid="alert-row"][data-alert-id=${JSON.stringify(id)}]`);
      await row.waitFor();
      expect(await row.innerText()).toContain(stationNames.vi);

      // Its mail has arrived, and a person can read it in the mailbox that the page links to.
      await eventually(async () => {
        const { deliveries } = await api.get<AlertDetailView>(`/api/alerts/${id}`);
        expect(deliveries.some(({ state }) => state === 'accepted')).toBe(true);
      });
      const inboxUrl = (await demoInboxUrl(page)) ?? '';
      expect(inboxUrl).toMatch(/^http/);
      const mails = (await (await fetch(new URL('/api/mails', inboxUrl))).json()) as Mail[];
      const own = mails.find(({ subject }) => subject.includes(stationNames.vi.replace(/^Trạm\s+/, '')));
      expect(own, mails.map(({ subject }) => subject).join('\n')).toBeDefined();
      const mailbox = await browser.newPage();
      const mailComplaints = complaintsOf(mailbox);
      await mailbox.goto(inboxUrl);
      await mailbox.getByText(own!.subject, { exact: false }).first().click();
      const mail = mailbox.frameLocator('iframe').first().getByText(stationNames.vi, { exact: false }).first();
      await mail.waitFor();
      expect(mailComplaints).toEqual([]);

      // An officer answers it in the page; the page and the API both say so.
      await acknowledge(page, id);
      await eventually(async () => {
        const { alert } = await api.get<AlertDetailView>(`/api/alerts/${id}`);
        expect(alert.acknowledgedBy).not.toBeNull();
        expect(['acknowledged', 'closed']).toContain(alert.state);
      });
      const answered = alertRows(page, { state: 'acknowledged' });
      const { alert } = await api.get<AlertDetailView>(`/api/alerts/${id}`);
      if (alert.state === 'acknowledged') {
        await answered.first().waitFor();
        const detail = await openAlert(page, id);
        await detail.locator('canvas').first().waitFor();
      }

      expect(complaints).toEqual([]);
      expect(failed).toEqual([]);
    },
    ALERT_WITHIN_MS + 60_000,
  );

  it('ends in order', () => program.stop());
});
