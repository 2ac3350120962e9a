import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Browser, Locator, Page } from 'playwright-core';
import { DAY_MS } from '@canh/core/time/instant';
import { hashPassword } from '../../apps/console/src/sign-in/passwords.js';
import { ADMIN_PASSWORD, putThachHan, startConsole, type RunningConsole } from '../console-api/console.parts.js';
import { startProcessor, type RunningProcessor } from '../console-api/processor.parts.js';
import * as flow from './flow.js';
import { buildPage } from './page.parts.js';

const chromium = flow.findChromium();

describe.skipIf(chromium === null)('commands on the page of a station', () => {
  let page: { folder: string; remove(): Promise<void> };
  let console: RunningConsole;
  let processor: RunningProcessor;
  let browser: Browser;

  beforeAll(async () => {
    page = await buildPage();
    console = await startConsole({ pageFolder: page.folder });
    await putThachHan(console.records);
    await console.records.operators.add(
      { id: randomUUID(), login: 'truc', name: 'Lê Thị Trực', role: 'officer', language: 'vi' },
      await hashPassword(ADMIN_PASSWORD),
    );
    processor = await startProcessor(console.dataDir);
    await processor.says('logger-7', { level_m: 3.4 }, Date.now());
    browser = await flow.openBrowser(chromium ?? undefined);
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
  });
  afterAll(async () => {
    await browser.close();
    await processor.close();
    await console.close();
    await page.remove();
  });

  const open = async (options: flow.PageOptions = {}, login = 'admin'): Promise<Page> => {
    const tab = await flow.openPage(browser, options);
    await flow.signIn(tab, { url: console.url, login, password: ADMIN_PASSWORD });
    await flow.openStation(tab, 'thach-han');
    return tab;
  };
  const deviceOf = (tab: Page, id: string): Locator => tab.locator(`[data-testid="device"][data-device-id="${id}"]`);
  const states = (device: Locator): Promise<(string | null)[]> =>
    device
      .getByTestId('command')
      .all()
      .then((all) => Promise.all(all.map((one) => one.getAttribute('data-state'))));

  it('are written and sent by the keyboard, and the page says at once that they are kept for a device that is away', async () => {
    const tab = await open();
    const complaints = flow.complaintsOf(tab);
    const device = deviceOf(tab, 'logger-7');
    await device.getByText('Chưa có lệnh nào').waitFor();
    await device.getByTestId('open-send').focus();
    await tab.keyboard.press('Enter');
    await tab.keyboard.type('openGate');
    await tab.keyboard.press('Tab');
    await tab.keyboard.type('{"gate":2,');
    await tab.keyboard.press('Tab');
    await tab.keyboard.press('ArrowRight');
    await tab.keyboard.press('Tab');
    await device.getByTestId('send').and(tab.locator(':focus')).press('Enter');
    await device.getByTestId('not-json').getByText('không phải JSON').waitFor();
    expect(await console.records.commandDesk.of('logger-7', 10)).toEqual([]);
    await device.locator('textarea').fill('{"gate":2,"percent":40}');
    await tab.keyboard.press('Tab');
    await tab.keyboard.press('Tab');
    await tab.keyboard.press('Enter');

    await device.getByTestId('send-says').getByText('Máy chủ đã nhận lệnh số').waitFor();
    const row = device.getByTestId('command');
    await row.getByText('Đang giữ').waitFor();
    await row.getByText(/giao ngay khi thiết bị kết nối lại, chậm nhất \d\d:\d\d/).waitFor();
    await device.getByTestId('open-send').and(tab.locator(':focus')).waitFor();
    await row.getByText('Thiết bị chưa nghe lệnh').waitFor();
    const [kept] = await console.records.commandDesk.of('logger-7', 10);
    expect(kept).toMatchObject({ method: 'openGate', params: '{"gate":2,"percent":40}', state: 'waiting' });
    expect(kept!.expiresAt - kept!.createdAt).toBe(DAY_MS);

    await console.records.commandQueue.sent(kept!.id, 'sent', 'logger-7', Date.now());
    await row.getByText('Thiết bị chưa nghe lệnh').waitFor({ state: 'detached' });
    await row.getByText('Đang giữ').waitFor();
    await console.records.commandQueue.became(kept!.id, 'delivered', Date.now());
    await row.and(tab.locator('[data-state="delivered"]')).getByText('Đã nhận', { exact: true }).waitFor();
    await console.records.commandQueue.answered('logger-7', kept!.id, '{"percent":40}', Date.now());
    await row.getByTestId('command-answer').getByText('{"percent":40}').waitFor();
    await row.getByText('Quản trị viên gửi').waitFor();
    expect(complaints).toEqual([]);
  });

  it('are left by Escape without closing the station', async () => {
    const tab = await open();
    const device = deviceOf(tab, 'logger-7');
    await device.getByTestId('open-send').press('Enter');
    await device.locator('input[name="method"]:focus').press('Escape');
    await device.getByTestId('open-send').and(tab.locator(':focus')).waitFor();
    await tab.getByTestId('detail').waitFor();
  });

  it('are not called sent where the server did not say so, and what was written stays', async () => {
    const tab = await open();
    const device = deviceOf(tab, 'logger-7');
    const before = (await console.records.commandDesk.of('logger-7', 10)).length;
    await tab.route('**/commands', (route) => route.abort());
    await device.getByTestId('open-send').click();
    await device.locator('input[name="method"]').fill('closeGate');
    await device.getByTestId('send').press('Enter');
    await device.getByTestId('send-says').getByText('Không rõ máy chủ đã nhận lệnh chưa').waitFor();
    expect(await device.locator('input[name="method"]').inputValue()).toBe('closeGate');
    await device.getByTestId('send').and(tab.locator(':focus')).waitFor();

    await tab.unroute('**/commands');
    await device.locator('textarea').fill(`"${'x'.repeat(17_000)}"`);
    await device.getByTestId('send').press('Enter');
    await device.getByTestId('send-says').getByText('Tham số dài 17002 byte, nhiều nhất 16384').waitFor();
    expect(await console.records.commandDesk.of('logger-7', 10)).toHaveLength(before);
  });

  it('show what became of each, in English, on a phone, and nothing sticks out to the side', async () => {
    const { commandDesk, commandQueue } = console.records;
    const now = Date.now();
    const asked = { deviceId: 'logger-8', params: '{}', by: 'root', expiresAt: now + DAY_MS };
    const ids: number[] = [];
    for (const method of ['a', 'b', 'c', 'd', 'e', 'f'])
      ids.push(await commandDesk.send({ ...asked, method: `${method}${'x'.repeat(90)}` }, now));
    const [a, b, c, d, e] = ids as [number, number, number, number, number];
    await commandQueue.became(a, 'expired', now);
    await commandQueue.sent(b, 'sent', 'logger-7', now);
    await commandQueue.sent(c, 'unconfirmed', 'logger-8', now);
    await commandQueue.became(d, 'dropped', now);
    await commandQueue.answered('logger-8', e, `${'dài '.repeat(1_500)}hết`, now);
    const tab = await open({ size: flow.PHONE, language: 'en' });
    const complaints = flow.complaintsOf(tab);
    const device = deviceOf(tab, 'logger-8');
    await device.getByText('Not delivered', { exact: true }).waitFor();
    expect(await states(device)).toEqual(['waiting', 'answered', 'dropped', 'unconfirmed', 'sent']);
    await device.getByText('through logger-7').waitFor();
    await device.getByRole('button', { name: 'Show the whole answer' }).press('Enter');
    await device.getByText(/hết$/).waitFor();
    await device.getByRole('button', { name: 'See older commands' }).press('Enter');
    await device.getByText('Expired', { exact: true }).waitFor();
    await device.getByTestId('open-send').click();
    expect(await tab.evaluate<number>('document.documentElement.scrollWidth')).toBe(flow.PHONE.width);
    expect(complaints).toEqual([]);
  });

  it('are only shown to an officer, who is told why', async () => {
    const tab = await open({}, 'truc');
    const device = deviceOf(tab, 'logger-7');
    await tab.getByText('Chỉ quản trị viên được gửi lệnh.').waitFor();
    expect(await device.getByTestId('open-send').count()).toBe(0);
    expect(await states(device)).toEqual(['answered']);
  });
});
