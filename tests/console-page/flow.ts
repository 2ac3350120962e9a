import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContext, type Locator, type Page } from 'playwright-core';

/**
 * What a duty officer does at the page, for tests that drive it. Everything waits for what the page shows and never for time. The page is
 * found by `data-testid` where its words may change, and by its addresses.
 */

const KNOWN_PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** A browser of this machine that can be driven; null: there is none, and tests that need one are skipped. */
export const findChromium = (): string | null => KNOWN_PLACES.find((path) => existsSync(path)) ?? null;

export function openBrowser(executablePath = findChromium()): Promise<Browser> {
  if (executablePath === null) {
    throw new Error(
      `No Chromium in ${KNOWN_PLACES.join(', ')}; install it (Debian: apt install chromium) or name another.`,
    );
  }
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
  });
}

export const DESK = { width: 1440, height: 900 } as const;
export const PHONE = { width: 390, height: 844 } as const;

export interface PageOptions {
  readonly size?: { readonly width: number; readonly height: number };
  readonly language?: 'vi' | 'en';
  readonly night?: boolean;
}

/** A page of somebody new: own cookies, own taste. */
export async function openPage(
  browser: Browser,
  { size = DESK, language = 'vi', night = false }: PageOptions = {},
): Promise<Page> {
  const phone = size.width < 700;
  const context: BrowserContext = await browser.newContext({
    viewport: size,
    colorScheme: night ? 'dark' : 'light',
    isMobile: phone,
    hasTouch: phone,
    locale: language === 'vi' ? 'vi-VN' : 'en-GB',
    timezoneId: 'Europe/Paris', // the page shows the province's time, wherever the browser stands
  });
  await context.addInitScript(
    (taste) => globalThis.localStorage.setItem('canh.taste', taste),
    JSON.stringify({ language }),
  );
  return context.newPage();
}

/**
 * What a browser complains of: errors of the page, failed requests, refusals by the content security policy. That nobody is signed in
 * yet is answered with 401, which a browser logs as an error too; `expected` names further ones with the reason in the test.
 */
export function complaintsOf(page: Page, expected: readonly RegExp[] = []): string[] {
  const complaints: string[] = [];
  const take = (complaint: string): void => {
    if (!expected.some((one) => one.test(complaint))) complaints.push(complaint);
  };
  page.on('pageerror', (error) => take(`page error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    const { url } = message.location();
    if (url.endsWith('/api/session') && message.text().includes('401')) return;
    take(`${message.type()}: ${message.text()} (${url})`);
  });
  return complaints;
}

export interface Credentials {
  readonly login?: string;
  readonly password: string;
}

/** Opens the page and signs in; resolves when the server has proved that it lives. */
export async function signIn(page: Page, { url, ...credentials }: Credentials & { url: string }): Promise<void> {
  await page.goto(url);
  await fillSignIn(page, credentials);
  await page.getByTestId('shell').waitFor();
  await live(page);
}

/** Fills in the form that is there, and sends it. */
export async function fillSignIn(page: Page, { login = 'admin', password }: Credentials): Promise<void> {
  const form = page.getByTestId('sign-in');
  await form.locator('input[name="login"]').fill(login);
  await form.locator('input[name="password"]').fill(password);
  await form.getByTestId('sign-in-submit').click();
}

export async function signOut(page: Page): Promise<void> {
  await page.getByTestId('person').click();
  await page.getByTestId('sign-out').click();
  await page.getByTestId('sign-in').waitFor();
}

/** Resolves when the server has proved that it lives. */
export const live = (page: Page): Promise<void> => page.locator('[data-testid="shell"][data-trust="live"]').waitFor();

/** The rows of the list of alerts, in their order; `of` takes only those of one state or one station's name. */
export function alertRows(page: Page, of: { state?: string; text?: string } = {}): Locator {
  const rows = page.locator(`[data-testid="alert-row"]${of.state === undefined ? '' : `[data-state="${of.state}"]`}`);
  return of.text === undefined ? rows : rows.filter({ hasText: of.text });
}

/** The row of one alert, wherever it moves. */
export const alertRow = (page: Page, id: string): Locator =>
  page.locator(`[data-testid="alert-row"][data-alert-id=${JSON.stringify(id)}]`);

async function idOf(row: Locator): Promise<string> {
  const id = await row.getAttribute('data-alert-id');
  if (id === null) throw new Error('This row names no alert; alerts/alert-row.tsx should write data-alert-id.');
  return id;
}

/** Waits for an alert that nobody acknowledged and says which it is. */
export async function firstUnacknowledged(page: Page): Promise<string> {
  const row = alertRows(page, { state: 'active' }).first();
  await row.waitFor();
  return idOf(row);
}

/**
 * Acknowledges the first alert that waits for it, by its button, and resolves with its id when the stream has brought the change. On a
 * phone the button stands in the alert's page.
 */
export async function acknowledgeFirst(page: Page): Promise<string> {
  const id = await firstUnacknowledged(page);
  await acknowledge(page, id);
  return id;
}

export async function acknowledge(page: Page, id: string): Promise<void> {
  const phone = (page.viewportSize()?.width ?? DESK.width) < 700;
  if (phone) {
    const detail = await openAlert(page, id);
    await detail.getByTestId('acknowledge').click();
    await detail.getByTestId('acknowledge').waitFor({ state: 'detached' });
    await closeDetail(page);
    return;
  }
  await alertRow(page, id).getByTestId('acknowledge').click();
  await acknowledged(page, id);
}

/** Acknowledges the first alert by the keyboard alone: J to it, then A. */
export async function acknowledgeFirstByKeys(page: Page): Promise<string> {
  const id = await firstUnacknowledged(page);
  await page.keyboard.press('KeyJ');
  for (let step = 0; (await focusedAlert(page)) !== id; step += 1) {
    if (step > 50) throw new Error(`J did not come to the alert ${id} in 50 steps.`);
    await page.keyboard.press('KeyJ');
  }
  await page.keyboard.press('KeyA');
  await acknowledged(page, id);
  return id;
}

const focusedAlert = (page: Page): Promise<string | null> =>
  page.locator('[data-testid="alert-row"]:focus-within').first().getAttribute('data-alert-id');

/** Resolves when the page shows that the alert is acknowledged: by the stream, not by the press. */
export async function acknowledged(page: Page, id: string): Promise<void> {
  // Acknowledged, or closed and gone from the list because it had returned meanwhile.
  const unanswered = page.locator('[data-state="active"], [data-state="returned"]');
  await alertRow(page, id).and(unanswered).waitFor({ state: 'detached' });
}

/** Opens the alert from its row; the answer is its page. */
export async function openAlert(page: Page, id: string): Promise<Locator> {
  await alertRow(page, id).locator('[data-row]').click();
  const detail = page.locator('[data-detail] [data-testid="detail"]');
  await detail.waitFor();
  return detail;
}

export async function closeDetail(page: Page): Promise<void> {
  await page.getByTestId('close-detail').click();
  await page.getByTestId('detail').waitFor({ state: 'detached' });
}

export type View = 'alerts' | 'stations' | 'ledger' | 'quarantine';

export async function show(page: Page, view: View): Promise<void> {
  await page.getByTestId(`view-${view}`).click();
  await page.locator(`[data-testid="view-${view}"][aria-current="page"]`).waitFor();
}

/** Opens a station from the list of stations, and resolves when its chart is drawn. */
export async function openStation(page: Page, id: string): Promise<Locator> {
  await show(page, 'stations');
  await page.locator(`[data-testid="station-row"][data-station-id=${JSON.stringify(id)}] [data-row]`).click();
  const detail = page.locator('[data-detail] [data-testid="detail"]');
  await detail.getByTestId('plot').locator('canvas').waitFor();
  return detail;
}

/** The address of the demonstration's mailbox, or null where the page offers none. */
export async function demoInboxUrl(page: Page): Promise<string | null> {
  const link = page.getByTestId('demo-inbox');
  return (await link.count()) === 0 ? null : link.getAttribute('href');
}

/** What the counts in the header say. */
export async function counts(page: Page): Promise<Record<'critical' | 'major' | 'warning' | 'unacknowledged', number>> {
  const count = async (name: string): Promise<number> => {
    const chip = page.locator(`[data-testid="count-${name}"][data-count]`);
    return Number(await chip.getAttribute('data-count'));
  };
  return {
    critical: await count('critical'),
    major: await count('major'),
    warning: await count('warning'),
    unacknowledged: await count('unacknowledged'),
  };
}
