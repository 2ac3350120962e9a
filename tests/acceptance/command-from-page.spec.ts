import { connectAsync, type IPublishPacket, type MqttClient } from 'mqtt';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DeviceCommandView } from '@canh/contract/views.dto';
import * as flow from '../console-page/flow.js';
import { ADMIN_PASSWORD, type Api, canhDone, CanhProcess, temporaryFolder } from '../support/canh-process.js';
import { eventually } from '../support/eventually.js';
import { riverProvince } from './river-province.js';

const REQUESTS = 'v1/devices/me/rpc/request/+';
const GATEWAY = 'v1/gateway/rpc';
const chromium = flow.findChromium();

interface Back {
  readonly client: MqttClient;
  readonly heard: IPublishPacket[];
}

/** One story: from the hand of a person to a device that was off, and its answer back to the page. */
describe.skipIf(chromium === null)('a command from the page', () => {
  let canh: CanhProcess;
  let api: Api;
  let browser: Browser;
  let token = '';
  const clients: MqttClient[] = [];

  beforeAll(async () => {
    const dataDir = await temporaryFolder();
    [token = ''] = (await riverProvince(dataDir, ['thach-han'])).map((device) => device.token);
    const valve = ['--id', 'valve', '--name', 'Van 3', '--gateway', 'thach-han'];
    await canhDone(['device', 'add', '--station', 'thach-han', '--profile', 'river-gauge', ...valve], {
      CANH_DATA_DIR: dataDir,
    });
    canh = await CanhProcess.start({ env: { CANH_DATA_DIR: dataDir, CANH_LOG_LEVEL: 'error' } });
    api = await canh.signIn();
    browser = await flow.openBrowser(chromium ?? undefined);
  }, 120_000);
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.endAsync(true);
    for (const context of browser.contexts()) await context.close();
  });
  afterAll(async () => {
    await browser?.close();
    await canh?.remove();
  });

  /** As a device comes: it has a session, and begins to listen before it is told what it has missed. */
  const comes = async (topic: string): Promise<Back> => {
    const heard: IPublishPacket[] = [];
    const client = await connectAsync(canh.mqttUrl, {
      username: token,
      clientId: 'gate',
      clean: false,
      reconnectPeriod: 0,
    });
    clients.push(client);
    client.on('message', (_topic, _payload, packet) => heard.push(packet));
    await client.subscribeAsync(topic, { qos: 1 });
    return { client, heard };
  };
  const open = async (): Promise<Page> => {
    const tab = await flow.openPage(browser);
    await flow.signIn(tab, { url: canh.consoleUrl, password: ADMIN_PASSWORD });
    await flow.show(tab, 'stations');
    await tab.locator('[data-station-id="thach-han"] [data-row]').click();
    return tab;
  };
  const ask = async (tab: Page, deviceId: string, method: string): Promise<Locator> => {
    const device = tab.locator(`[data-testid="device"][data-device-id="${deviceId}"]`);
    await device.getByTestId('open-send').press('Enter');
    await device.locator('input[name="method"]').fill(method);
    await device.locator('textarea').fill('{"gate":2,"percent":40}');
    await device.locator('input[name="method"]').press('Enter');
    const row = device.getByTestId('command').filter({ hasText: method });
    await row.getByText('Đang giữ').waitFor();
    return row;
  };
  const commands = (deviceId: string): Promise<DeviceCommandView[]> => api.get(`/api/devices/${deviceId}/commands`);

  it('is kept while the device is off, comes when it is back, and its answer stands on the page', async () => {
    const tab = await open();
    const complaints = flow.complaintsOf(tab);
    await (await comes(REQUESTS)).client.endAsync();
    const row = await ask(tab, 'thach-han', 'openGate');
    await row.getByText('giao ngay khi thiết bị kết nối lại').waitFor();
    await eventually(async () => expect((await commands('thach-han'))[0]?.state).toBe('sent'));
    expect(await row.getAttribute('data-kept')).toBeNull();

    const { client, heard } = await comes(REQUESTS);
    await eventually(() => expect(heard).toHaveLength(1));
    const [{ topic, payload }] = heard as [IPublishPacket];
    const [{ command }] = (await commands('thach-han')) as [DeviceCommandView];
    expect(topic).toBe(`v1/devices/me/rpc/request/${command}`);
    expect(payload.toString()).toBe('{"method":"openGate","params":{"gate":2,"percent":40}}');
    await row.getByText('Đã nhận', { exact: true }).waitFor();

    await client.publishAsync(`v1/devices/me/rpc/response/${command}`, '{"percent":40,"ok":true}', { qos: 1 });
    await row.getByText('Đã trả lời').waitFor();
    await row.getByTestId('command-answer').getByText('{"percent":40,"ok":true}').waitFor();
    expect(await canhDone(['device', 'commands', 'thach-han'], canh.settings)).toMatch(
      /openGate .*Quản trị viên .*answered .*\{"percent":40,"ok":true\}/,
    );
    expect(complaints).toEqual([]);
  });

  it('reaches a device behind a gateway through it, also when the gateway was off', async () => {
    await (await comes(GATEWAY)).client.endAsync();
    const tab = await open();
    const row = await ask(tab, 'valve', 'closeValve');
    await eventually(async () => expect((await commands('valve'))[0]).toMatchObject({ state: 'sent' }));
    const { client, heard } = await comes(GATEWAY);
    await eventually(() => expect(heard).toHaveLength(1));
    const [{ command }] = (await commands('valve')) as [DeviceCommandView];
    expect([heard[0]?.topic, JSON.parse(heard[0]!.payload.toString())]).toEqual([
      GATEWAY,
      { device: 'Van 3', data: { id: command, method: 'closeValve', params: { gate: 2, percent: 40 } } },
    ]);
    await client.publishAsync(GATEWAY, JSON.stringify({ device: 'Van 3', id: command, data: { closed: true } }), {
      qos: 1,
    });
    await row.getByTestId('command-answer').getByText('{"closed":true}').waitFor();
    await row.getByText('qua thach-han').waitFor();
  });
});
