import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { MINUTE_MS } from '@canh/core/time/instant';
import type { LedgerView } from '@canh/contract/views.dto';
import type { Severity } from '@canh/core/rules/rule';
import { ADMIN_PASSWORD, putThachHan, startConsole, type RunningConsole } from '../console-api/console.parts.js';
import { startProcessor, type RunningProcessor } from '../console-api/processor.parts.js';
import { raised } from '../contracts/records.story.js';
import * as flow from './flow.js';
import { buildPage, lineTo, type Line } from './page.parts.js';

const chromium = flow.findChromium();

describe.skipIf(chromium === null)('the console’s page', () => {
  let page: { folder: string; remove(): Promise<void> };
  let console: RunningConsole;
  let processor: RunningProcessor;
  let line: Line;
  let browser: Browser;

  beforeAll(async () => {
    page = await buildPage();
    console = await startConsole({ pageFolder: page.folder });
    await putThachHan(console.records);
    processor = await startProcessor(console.dataDir);
    line = await lineTo(console.url);
    browser = await flow.openBrowser(chromium ?? undefined);
  });
  afterEach(async () => {
    line.restore();
    for (const context of browser.contexts()) await context.close();
  });
  afterAll(async () => {
    await browser.close();
    await line.close();
    await processor.close();
    await console.close();
    await page.remove();
  });

  let alerts = 0;
  /** An alert of a station that has none yet, as the processor's rules raise it; answers with how to find its row. */
  async function raise(severity: Severity = 'major'): Promise<{ id: string; stationId: string }> {
    const stationId = `tram-${(alerts += 1)}`;
    await console.records.alertStore.apply([raised(stationId, Date.now(), severity)], Date.now());
    const alert = (await console.records.alertDesk.list('open', 1_000)).find((one) => one.stationId === stationId);
    if (alert === undefined) throw new Error(`The alert of ${stationId} was not stored.`);
    return { id: alert.id, stationId };
  }
  const stateOf = async (id: string): Promise<string | undefined> =>
    (await console.records.alertDesk.one(id))?.alert.state;
  const enter = (tab: Page, url = console.url): Promise<void> => flow.signIn(tab, { url, password: ADMIN_PASSWORD });

  it('shows the river that rises, and who acknowledged it, to a duty officer who has only the keyboard', async () => {
    const tab = await flow.openPage(browser);
    const complaints = flow.complaintsOf(tab);
    await enter(tab);
    const now = Date.now();
    for (const minutesAgo of [25, 15, 5]) {
      const ts = now - minutesAgo * MINUTE_MS;
      await processor.says('logger-7', { ts, values: { level_m: 6.3 } }, ts + 1_500);
    }
    const row = flow.alertRows(tab, { text: 'Thạch Hãn' });
    await row.getByText('trên BĐ3 0,30 m').waitFor();
    await row.getByText('6,30 m | BĐ3 6,00 m').waitFor();

    const id = await flow.acknowledgeFirstByKeys(tab);
    expect(await stateOf(id)).toBe('acknowledged');
    await flow.alertRow(tab, id).getByText('Quản trị viên').waitFor();

    await tab.keyboard.press('Enter');
    const detail = tab.getByTestId('detail');
    await detail.getByTestId('plot').locator('canvas').waitFor();
    await detail.getByText('05/2020/QĐ-TTg').waitFor();
    await detail.getByTestId('history').getByText('Xác nhận').waitFor();
    await tab.keyboard.press('Escape');
    await detail.waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });

  it('shows what was quarantined, with its reason and its beginning', async () => {
    const tab = await flow.openPage(browser);
    await processor.says('logger-7', '{"level_m":', Date.now());
    await enter(tab);
    await flow.show(tab, 'quarantine');
    const entry = tab.getByTestId('quarantined').filter({ hasText: '{"level_m":' });
    await entry.getByText('không phải JSON', { exact: true }).waitFor();
    await entry.getByText('không phải JSON đúng cú pháp').waitFor();
    await entry.getByText('logger-7').waitFor();
  });

  it('shows what became of everything, and lets what was quarantined be decoded again, by the keyboard', async () => {
    const tab = await flow.openPage(browser);
    const complaints = flow.complaintsOf(tab);
    const now = Date.now();
    for (const received of [now, now + 1])
      await processor.says('logger-8', { ts: now, values: { rain_mm: 2, do_am: 80 } }, received);
    await enter(tab);
    await flow.show(tab, 'ledger');
    await tab.locator('input[type="search"]').fill('logger-8');
    const row = tab.locator('[data-testid="ledger-line"][data-line$=":logger-8"]').first();
    await row.getByText('2 thông số lạ').waitFor();
    await row.locator('[data-balanced="true"]').waitFor();
    await tab.getByTestId('ledger-totals').getByText('Tổng của 1 dòng').waitFor();

    await tab.keyboard.press('Escape');
    await tab.keyboard.press('KeyJ');
    await tab.keyboard.press('Enter');
    const detail = tab.getByTestId('detail');
    await detail.getByTestId('stored-reading').getByText('2,0 mm').waitFor();
    await detail.getByTestId('show-quarantined').press('Enter');
    await detail.getByTestId('ledger-quarantined').first().getByText('"do_am":80').waitFor();
    await detail.getByTestId('replay').press('Enter');
    await detail.getByTestId('replay-says').getByText('2 bản tin sẽ được giải mã lại').waitFor();
    expect((await console.records.replayRequests.open(10)).map(({ message }) => message.deviceId)).toEqual([
      'logger-8',
      'logger-8',
    ]);
    await tab.keyboard.press('Escape');
    await detail.waitFor({ state: 'detached' });
    await row.locator('[data-row]:focus').waitFor();
    expect(complaints).toEqual([]);
  });

  it('shouts where the books do not balance and says while they are behind, in English, on a phone', async () => {
    const tab = await flow.openPage(browser, { size: flow.PHONE, language: 'en' });
    const complaints = flow.complaintsOf(tab);
    await processor.says('logger-7', { level_m: 3 }, Date.now());
    // What a running system does not show: a store that is down, and a sum that does not hold.
    await tab.route('**/api/ledger?**', async (route) => {
      const answer = await route.fetch();
      const body = (await answer.json()) as LedgerView;
      for (const line of body.lines) if (line.deviceId === 'logger-7') line.stored -= 1;
      body.books = { accountedUpTo: 0, behindBytes: 2e6, waitingSince: Date.now() - 180_000, problems: ['no room'] };
      await route.fulfill({ json: body });
    });
    await enter(tab);
    await flow.show(tab, 'ledger');
    await tab.locator('[data-line$=":logger-7"]').first().getByText('Off by 1').waitFor();
    await tab.getByTestId('unbalanced-lines').getByText('do not add up').or(tab.getByText('does not add up')).waitFor();
    const behind = tab.getByTestId('books-behind');
    await behind.getByText('2 MB not in it yet').or(behind.getByText('2.0 MB not in it yet')).waitFor();
    await behind.getByText('(3 min)').waitFor();
    await behind.getByText('no room').waitFor();
    expect(await tab.evaluate<number>('document.documentElement.scrollWidth')).toBe(flow.PHONE.width);
    expect(complaints).toEqual([]);
  });

  it('finds a station without marks and draws it, in English, on a phone, at night', async () => {
    const tab = await flow.openPage(browser, { size: flow.PHONE, language: 'en', night: true });
    const complaints = flow.complaintsOf(tab);
    const { id } = await raise('critical');
    await enter(tab);
    await flow.acknowledge(tab, id);
    expect(await stateOf(id)).toBe('acknowledged');
    await flow.show(tab, 'stations');
    await tab.locator('[data-station-search]').fill('thach han');
    await flow.openStation(tab, 'thach-han');
    await tab.getByTestId('detail').getByText('Limits set by documents').waitFor();
    // Nothing sticks out to the side.
    expect(await tab.evaluate<number>('document.documentElement.scrollWidth')).toBe(flow.PHONE.width);
    expect(complaints).toEqual([]);
  });

  it('says who was quicker, when two officers answer the same alert', async () => {
    const { id } = await raise();
    const quick = await flow.openPage(browser);
    const slow = await flow.openPage(browser);
    // This one hears nothing of what the other does.
    await slow.route('**/api/live', () => undefined);
    await slow.goto(console.url);
    await flow.fillSignIn(slow, { password: ADMIN_PASSWORD });
    await flow.alertRow(slow, id).waitFor();
    await enter(quick);
    await flow.acknowledge(quick, id);

    await flow.alertRow(slow, id).getByTestId('acknowledge').click();
    await flow
      .alertRow(slow, id)
      .getByTestId('acknowledge-refusal')
      .getByText(/Quản trị viên đã xác nhận lúc \d\d:\d\d/)
      .waitFor();
  });

  it('moves nothing under the pointer: new alerts wait, a critical one in a strip of its own', async () => {
    const { id } = await raise();
    const tab = await flow.openPage(browser);
    await enter(tab);
    const row = flow.alertRow(tab, id);
    await row.hover();
    const before = await row.boundingBox();
    const { id: milder } = await raise('major');
    await tab.getByTestId('new-rows').waitFor();
    const { id: worst, stationId } = await raise('critical');
    await tab.getByTestId('new-critical').getByText(stationId).waitFor();
    expect(await row.boundingBox()).toEqual(before);
    expect(await flow.alertRow(tab, worst).count()).toBe(0);

    await tab.getByTestId('new-rows').focus();
    await tab.keyboard.press('Enter');
    await flow.alertRow(tab, worst).waitFor();
    await flow.alertRow(tab, milder).waitFor();
  });

  it('says that it is late, then lost, and shows nothing as acknowledged that it was not told of', async () => {
    const { id } = await raise();
    const tab = await flow.openPage(browser);
    await tab.clock.install();
    await enter(tab, line.url);
    await flow.openAlert(tab, id);

    line.silence();
    await tab.clock.fastForward(16_000);
    await tab.getByTestId('late-strip').waitFor();
    await tab.clock.fastForward(15_000);
    await tab.getByTestId('lost-strip').waitFor();
    await flow.alertRow(tab, id).getByTestId('acknowledge').click();
    await tab.locator('[data-testid="acknowledge"][data-sending="true"]').first().waitFor();
    expect(await flow.alertRow(tab, id).getAttribute('data-state')).toBe('active');

    // Pressed while nothing answers: once something does, the page may be connected again before anybody could press.
    await tab.getByTestId('lost-strip').getByRole('button').click();
    line.restore();
    await flow.live(tab);
    await tab.getByTestId('resumed-strip').waitFor();
    // The press was one request that the network lost or brought; the alert is as the server has it, and still open on the right.
    await flow
      .alertRow(tab, id)
      .and(tab.locator(`[data-state="${await stateOf(id)}"]`))
      .waitFor();
    await tab.locator('[data-detail] [data-testid="detail"]').waitFor();
    expect(tab.url()).toContain(`alert=${id}`);
  });

  it('asks to sign in again when the session ended, and goes on at the same place', async () => {
    const tab = await flow.openPage(browser);
    await enter(tab);
    await flow.openStation(tab, 'thach-han');
    const other = await tab.context().newPage();
    await other.goto(console.url);
    await flow.signOut(other);

    const form = tab.getByTestId('sign-in');
    await form.getByText('Phiên làm việc đã hết').waitFor();
    await flow.fillSignIn(tab, { password: 'sai mật khẩu' });
    await form.getByTestId('sign-in-error').getByText('Sai tên đăng nhập hoặc mật khẩu').waitFor();
    await flow.fillSignIn(tab, { password: ADMIN_PASSWORD });
    await tab.getByTestId('detail').getByTestId('plot').locator('canvas').waitFor();
    expect(tab.url()).toContain('station=thach-han');
  });

  it('opens the alert that a message links to', async () => {
    const { id, stationId } = await raise();
    const tab = await flow.openPage(browser);
    await tab.goto(`${console.url}/alerts/${id}`);
    await flow.fillSignIn(tab, { password: ADMIN_PASSWORD });
    await tab.getByTestId('detail').getByText(stationId).first().waitFor();
  });
});
