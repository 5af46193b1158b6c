import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { SealdropError } from '@sealdrop/core';
import { expect, onTestFinished, test } from 'vitest';
import { Health } from '../../src/operations/health.ts';
import { Metrics } from '../../src/operations/metrics.ts';
import { Progress } from '../../src/operations/progress.ts';
import { startStatusServer, type StatusAddress, type StatusSources } from '../../src/operations/status-server.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 } as const;

function sourcesOf(replacements: Partial<StatusSources> = {}): StatusSources {
  const metrics = new Metrics({ version: '1.2.3', landings: ['acme'], queues: () => [] });
  return { metrics, health: new Health(), progress: new Progress(1000), ...replacements };
}

async function start(sources = sourcesOf(), address: StatusAddress = LOOPBACK) {
  const server = await startStatusServer(address, sources);
  onTestFinished(() => server.close());
  return server;
}

/** A socket in a folder that goes with the test. */
function socketPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sealdrop-status-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'status.sock');
}

async function raw(address: string, bytes: string): Promise<string> {
  const socket = connect({ port: Number(new URL(address).port), host: '127.0.0.1' });
  socket.end(bytes);
  return text(socket);
}

test('/metrics answers in the format of Prometheus', async () => {
  const { address } = await start();
  const response = await fetch(`${address}/metrics?name[]=all`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toContain('version=0.0.4');
  expect(await response.text()).toContain('sealdrop_queue_depth{landing="acme"} 0');
});

test('/readyz names the condition that is red, since when and what to do', async () => {
  const health = new Health(() => Date.UTC(2026, 10, 24, 10, 45));
  const { address } = await start(sourcesOf({ health }));
  expect(await (await fetch(`${address}/readyz`)).json()).toEqual({ ready: true, conditions: [] });
  health.report(
    'delivery:acme',
    new SealdropError('not-permitted', '/srv/plain: permission denied', { hint: 'let sealdrop write there' }),
  );
  const red = await fetch(`${address}/readyz`);
  expect(red.status).toBe(503);
  expect(await red.json()).toEqual({
    ready: false,
    conditions: [
      {
        name: 'delivery:acme',
        state: 'failed',
        since: '2026-11-24T10:45:00.000Z',
        code: 'not-permitted',
        message: '/srv/plain: permission denied',
        hint: 'let sealdrop write there',
      },
    ],
  });
  health.report('delivery:acme', null);
  expect((await fetch(`${address}/readyz`)).status).toBe(200);
});

test('/healthz is red while work is stuck', async () => {
  let now = 0;
  const progress = new Progress(1000, () => now);
  const { address } = await start(sourcesOf({ progress }));
  progress.moved('20261124T104500-1f2e3d4c5b');
  expect((await fetch(`${address}/healthz`)).status).toBe(200);
  now = 5000;
  const red = await fetch(`${address}/healthz`);
  expect(red.status).toBe(503);
  expect(await red.json()).toEqual({ alive: false, stuck: [{ id: '20261124T104500-1f2e3d4c5b', still: 5000 }] });
});

test('other paths are 404, other methods 405, and HEAD is GET without the body', async () => {
  const { address } = await start();
  for (const path of ['/', '/metrics/', '/__proto__', '/constructor', '//metrics']) {
    expect((await fetch(`${address}${path}`)).status).toBe(404);
  }
  const posted = await fetch(`${address}/metrics`, { method: 'POST', body: 'x'.repeat(100_000) });
  expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  const head = await fetch(`${address}/readyz`, { method: 'HEAD' });
  expect([head.status, await head.text(), Number(head.headers.get('content-length'))]).toEqual([
    200,
    '',
    expect.any(Number),
  ]);
});

test('a failing source is a 500 of one line, not a crash', async () => {
  const metrics = { contentType: 'text/plain', render: () => Promise.reject(new Error('collector broke')) };
  const { address } = await start(sourcesOf({ metrics }));
  const response = await fetch(`${address}/metrics`);
  expect([response.status, await response.text()]).toEqual([500, 'unexpected: collector broke\n']);
  expect((await fetch(`${address}/healthz`)).status).toBe(200);
});

test('noise, endless headers and half requests are refused', async () => {
  const { address } = await start();
  expect(await raw(address, 'not http at all\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  expect(await raw(address, `GET /metrics HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 431 /,
  );
  expect((await fetch(`${address}/healthz`)).status).toBe(200);
});

test('more than 32 connections at once are turned away, and there is room again once they end', async () => {
  const { address } = await start();
  const { port } = new URL(address);
  const open = async (): Promise<Socket> => {
    const socket = connect({ port: Number(port), host: '127.0.0.1' });
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  };
  const held: Socket[] = [];
  for (let index = 0; index < 32; index += 1) held.push((await open()).resume());
  const surplus = await open();
  await once(surplus.resume(), 'close');
  expect(held.filter(({ readableEnded, destroyed }) => readableEnded || destroyed)).toEqual([]);
  await Promise.all(held.map((socket) => (socket.destroy(), once(socket, 'close'))));
  await expect
    .poll(() =>
      fetch(`${address}/healthz`).then(
        ({ status }) => status,
        () => null,
      ),
    )
    .toBe(200);
});

test('close ends kept-alive and silent connections and frees the port', async () => {
  const server = await startStatusServer(LOOPBACK, sourcesOf());
  const { port } = new URL(server.address);
  const agent = new Agent({ keepAlive: true });
  const [response] = await once(request(`${server.address}/healthz`, { agent }).end(), 'response');
  await text(response);
  const silent = connect({ port: Number(port), host: '127.0.0.1' });
  silent.on('error', () => {});
  await once(silent, 'connect');
  const ended = once(silent.resume(), 'close');
  await server.close();
  await ended;
  agent.destroy();
  const next = await startStatusServer({ host: '127.0.0.1', port: Number(port) }, sourcesOf());
  expect(next.address).toBe(server.address);
  await next.close();
});

test('an address that is taken is a configuration error with a cure', async () => {
  const { address } = await start();
  const port = Number(new URL(address).port);
  await expect(startStatusServer({ host: '127.0.0.1', port }, sourcesOf())).rejects.toMatchObject({
    code: 'bad-configuration',
    message: `127.0.0.1 port ${port}: the status page cannot listen there: already in use`,
    hint: expect.any(String),
  });
  await expect(startStatusServer({ host: '192.0.2.1', port: 0 }, sourcesOf())).rejects.toMatchObject({
    code: 'bad-configuration',
  });
});

test('a unix socket has the mode it was given, and goes with the server', async () => {
  const socket = socketPath();
  const server = await startStatusServer({ socket, mode: 0o660 }, sourcesOf());
  expect(statSync(socket).mode & 0o777).toBe(0o660);
  const [response] = await once(request({ socketPath: socket, path: '/healthz' }).end(), 'response');
  expect(JSON.parse(await text(response))).toEqual({ alive: true, stuck: [] });
  await server.close();
  expect(() => statSync(socket)).toThrow(/ENOENT/);
});

test('a socket left by a killed process is taken over', async () => {
  const socket = socketPath();
  const script = 'require("node:net").createServer().listen(process.argv[1], () => console.log("listening"))';
  const child = spawn(process.execPath, ['-e', script, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  await expect(startStatusServer({ socket, mode: 0o600 }, sourcesOf())).rejects.toMatchObject({
    code: 'bad-configuration',
    message: `${socket}: the status page cannot listen there: already in use`,
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(statSync(socket).isSocket()).toBe(true);
  const server = await start(sourcesOf(), { socket, mode: 0o600 });
  expect(server.address).toBe(socket);
});

test('a file that is no socket is left alone', async () => {
  const socket = socketPath();
  writeFileSync(socket, 'precious');
  await expect(startStatusServer({ socket, mode: 0o600 }, sourcesOf())).rejects.toMatchObject({
    code: 'bad-configuration',
  });
  expect(readFileSync(socket, 'utf8')).toBe('precious');
});
