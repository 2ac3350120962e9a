import { afterEach, describe, expect, it } from 'vitest';
import { Counter, Registry } from 'prom-client';
import { createHttpAdapter, listen } from '@canh/runtime/http';
import { NestFactory } from '@nestjs/core';
import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { connect } from 'node:net';
import { NIGHT, raised } from '../contracts/records.story.js';
import { attempt, get, LiveStream, putThachHan, signIn, startConsole, type RunningConsole } from './console.parts.js';
import { startProcessor } from './processor.parts.js';

let console: RunningConsole;
afterEach(() => console.close());

describe('health', () => {
  it('is live, but not ready while the processor does not answer; each part says why', async () => {
    console = await startConsole();
    expect(await get(console, '/health/live')).toMatchObject({ status: 200, body: { live: true } });
    const { status, body } = await get(console, '/health/ready');
    expect(status).toBe(503);
    expect(body).toMatchObject({
      ready: false,
      parts: { records: { ready: true, problems: [] }, processor: { ready: false } },
    });
    expect(body.parts.processor.problems.join()).toContain('The processor does not answer');
  });

  it('is ready when records and processor answer, and says a warning without being unready', async () => {
    console = await startConsole();
    const processor = await startProcessor(console.dataDir);
    console.health.add('broker', async () => ({ problems: [], warnings: ['a wish'] }));
    const ready = await get(console, '/health/ready');
    await processor.close();
    expect(ready).toMatchObject({
      status: 200,
      body: { ready: true, parts: { processor: { ready: true }, broker: { warnings: ['a wish'] } } },
    });
  });

  it('answers although a part hangs', { timeout: 20_000 }, async () => {
    console = await startConsole();
    console.health.add('stuck', () => new Promise(() => undefined));
    const { status, body } = await get(console, '/health/ready');
    expect(status).toBe(503);
    expect(body.parts.stuck.problems).toEqual(['stuck did not answer within 3000 ms']);
  });
});

describe('metrics', () => {
  it('are the process’s own, what is open by severity, and who signed in', async () => {
    console = await startConsole();
    await putThachHan(console.records);
    await console.records.alertStore.apply([raised('thach-han', NIGHT, 'critical')], NIGHT);
    await signIn(console);
    await attempt(console, 'admin', 'sai');
    const { text, headers } = await get(console, '/metrics');
    expect(headers.get('content-type')).toContain('version=0.0.4');
    for (const line of [
      'canh_alerts_open{severity="critical"} 1',
      'canh_alerts_open{severity="warning"} 0',
      'canh_sign_ins_total{outcome="accepted"} 1',
      'canh_sign_ins_total{outcome="refused"} 1',
      'canh_metrics_sources_silent 0',
    ])
      expect(text).toContain(`\n${line}\n`);
    expect(text).toContain('process_cpu_seconds_total');
    expect(text).toMatch(/^process_start_time_seconds \d+$/m);
  });

  it('of another part are added, and one that fails is counted and costs only its own', async () => {
    console = await startConsole();
    const other = new Registry();
    new Counter({ name: 'canh_readings_stored_total', help: 'x', registers: [other] }).inc(42);
    new Counter({ name: 'canh_sign_ins_total', help: 'x', labelNames: ['outcome'], registers: [other] }).inc(
      { outcome: 'accepted' },
      2,
    );
    console.metrics.add(() => other.getMetricsAsJSON());
    console.metrics.add(() => Promise.reject(new Error('gone')));
    await signIn(console);
    const { text } = await get(console, '/metrics');
    expect(text).toContain('canh_readings_stored_total 42\n');
    expect(text).toContain('canh_sign_ins_total{outcome="accepted"} 3\n');
    expect(text).toContain('canh_metrics_sources_silent 1\n');
  });
});

describe('the HTTP server', () => {
  it('waits neither for slow headers nor for a slow body, and has a limit on connections', async () => {
    console = await startConsole();
    const server: unknown = console.app.getHttpServer();
    expect(server).toMatchObject({ headersTimeout: 10_000, requestTimeout: 30_000, maxConnections: 2_000 });
  });

  it('says which setting to change when its port is taken', async () => {
    console = await startConsole();
    @Module({})
    class Second {}
    const second = await NestFactory.create<NestFastifyApplication>(Second, createHttpAdapter(), {
      logger: false,
      abortOnError: false,
    });
    const { port } = new URL(console.url);
    await expect(listen(second, '127.0.0.1', Number(port), 'CANH_HTTP_PORT')).rejects.toMatchObject({
      code: 'PORT_NOT_OPEN',
      message: `Port ${port} on 127.0.0.1 cannot be opened: it is in use by another program. Free it, or set CANH_HTTP_PORT to another one.`,
    });
    await second.close();
  });

  it('stops at once with a stream, an idle connection and half a request open', async () => {
    console = await startConsole();
    const { hostname, port } = new URL(console.url);
    const stream = await LiveStream.open(console, await signIn(console));
    const half = connect(Number(port), hostname);
    half.on('error', () => undefined);
    half.write(
      'POST /api/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    );
    await console.app.close();
    await stream.end();
    expect(stream.response.destroyed).toBe(true);
    half.destroy();
  });
});
