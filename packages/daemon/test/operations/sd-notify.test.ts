import type { SealdropError } from '@sealdrop/core';
import { expect, onTestFinished, test } from 'vitest';
import { ServiceManager } from '../../src/operations/sd-notify.ts';
import { NotificationSocket } from './service-manager-socket.ts';

const { PATH } = process.env;

async function listening() {
  const socket = await NotificationSocket.open();
  onTestFinished(() => socket.close());
  return socket;
}

function managerOf(environment: Readonly<Record<string, string | undefined>>) {
  const faults: SealdropError[] = [];
  const manager = new ServiceManager({ environment: { PATH, ...environment }, onFault: (error) => faults.push(error) });
  return { manager, faults };
}

test('systemd hears each message, in order, before its promise resolves', async () => {
  const socket = await listening();
  const { manager, faults } = managerOf({ NOTIFY_SOCKET: socket.path });
  void manager.ready('watching 2 landings');
  void manager.status('3 envelopes waiting');
  await manager.stopping();
  expect(await socket.heard(3)).toEqual([
    'READY=1\nSTATUS=watching 2 landings',
    'STATUS=3 envelopes waiting',
    'STOPPING=1',
  ]);
  expect(faults).toEqual([]);
});

test('a reload carries the time of the monotonic clock in microseconds', async () => {
  const socket = await listening();
  const { manager } = managerOf({ NOTIFY_SOCKET: socket.path });
  const before = process.hrtime.bigint() / 1000n;
  await manager.reloading();
  const after = process.hrtime.bigint() / 1000n;
  const [message = ''] = await socket.heard(1);
  expect(message).toMatch(/^RELOADING=1\nMONOTONIC_USEC=\d+$/);
  const time = BigInt(message.split('=').at(-1) ?? '');
  expect([time >= before, time <= after]).toEqual([true, true]);
});

test('a status cannot smuggle in another message', async () => {
  const socket = await listening();
  const { manager } = managerOf({ NOTIFY_SOCKET: socket.path });
  await manager.status(`quarantined a\nSTOPPING=1\u0000\u001b[31m ${'x'.repeat(500)}`);
  const [message = ''] = await socket.heard(1);
  expect(message).toMatch(/^STATUS=quarantined a STOPPING=1 \[31m x+$/);
  expect(message.length).toBeLessThanOrEqual(220);
});

test('without systemd nothing happens', async () => {
  const { manager, faults } = managerOf({ NOTIFY_SOCKET: undefined, WATCHDOG_USEC: '1000' });
  await manager.ready('up');
  manager.startWatchdog({ alive: () => expect.fail('nobody asked'), onStuck: () => {} })();
  expect(faults).toEqual([]);
});

test('a service manager that cannot be told is one fault, with a cure, and nothing is thrown', async () => {
  const missing = managerOf({ NOTIFY_SOCKET: '/nowhere/notify.sock', PATH: '/nowhere' });
  await missing.manager.ready('up');
  await missing.manager.status('still up');
  expect(missing.faults).toHaveLength(1);
  expect(missing.faults[0]).toMatchObject({
    code: 'not-found',
    hint: expect.stringContaining('install the package systemd'),
  });

  const deaf = managerOf({ NOTIFY_SOCKET: '/nowhere/notify.sock' });
  await deaf.manager.ready('up');
  expect(deaf.faults).toMatchObject([{ code: 'io-error', message: expect.stringContaining('systemd-notify: ') }]);
});

test('the watchdog is fed while the pipeline moves, starves while it is stuck, and is fed again after', async () => {
  const socket = await listening();
  const { manager } = managerOf({
    NOTIFY_SOCKET: socket.path,
    WATCHDOG_USEC: '30000',
    WATCHDOG_PID: String(process.pid),
  });
  let answers: 'moving' | 'stuck' = 'moving';
  let asked = 0;
  let stuck = 0;
  const alive = (): boolean => {
    asked += 1;
    return answers === 'moving';
  };
  const stop = manager.startWatchdog({ alive, onStuck: () => (stuck += 1) });
  onTestFinished(stop);
  expect((await socket.heard(3)).every((message) => message === 'WATCHDOG=1')).toBe(true);

  answers = 'stuck';
  await manager.status('stuck from here on');
  const askedBefore = asked;
  await expect.poll(() => asked).toBeGreaterThan(askedBefore + 5);
  await manager.status('moving again from here on');
  answers = 'moving';
  const [from, to] = ['STATUS=stuck from here on', 'STATUS=moving again from here on'];
  await expect.poll(() => socket.messages.at(-1)).toBe('WATCHDOG=1');
  expect(socket.messages.slice(socket.messages.indexOf(from), socket.messages.indexOf(to) + 1)).toEqual([from, to]);
  expect(stuck).toBe(1);
});

test('a watchdog meant for another process is not fed', () => {
  const { manager } = managerOf({ NOTIFY_SOCKET: '/nowhere', WATCHDOG_USEC: '1000', WATCHDOG_PID: '1' });
  const stop = manager.startWatchdog({ alive: () => expect.fail('not ours'), onStuck: () => {} });
  expect(stop).not.toThrow();
});
