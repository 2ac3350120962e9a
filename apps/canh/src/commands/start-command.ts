import type { Command } from 'commander';
import { run } from '@canh/runtime/run';
import { processEnvironment } from '@canh/runtime/settings';
import { print } from './output.js';

export function addStartCommand(program: Command): void {
  program
    .command('start')
    .description('run Canh: broker, processor, notifier and console in one process, its data under CANH_DATA_DIR')
    .action(() =>
      run(async () => {
        // Only here: the other commands answer in half the time without the whole server.
        const { startCanh } = await import('../canh.js');
        const canh = await startCanh(processEnvironment(), print);
        print(`Canh đang chạy / is running: ${canh.consoleUrl}`);
        const doors = new Set([canh.mqttUrl, canh.wsUrl, canh.mqttsUrl ?? canh.mqttUrl]);
        print(`  thiết bị / devices: ${[...doors].join(' · ')} · ${canh.consoleUrl}/api/v1/{token}/telemetry`);
        print(`  dữ liệu / data: ${canh.dataDir}`);
        return canh;
      }),
    );
}
