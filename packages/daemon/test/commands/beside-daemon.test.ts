import { afterAll, beforeAll, expect, test } from 'vitest';
import { sealdropd } from '../daemon-process.ts';
import { Host } from '../host.ts';

let host: Host;

beforeAll(async () => {
  host = new Host();
  await host.start();
});

afterAll(() => host.close());

test('status sees a running daemon and disturbs it in nothing', () => {
  const { status, stdout } = sealdropd('status', '--json', '--config', host.configFile);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ daemon: 'running', landings: [{ name: 'acme' }] });
});
