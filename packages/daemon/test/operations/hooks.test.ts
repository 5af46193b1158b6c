import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { commandTarget, type CommandOptions } from '../../src/operations/hooks.ts';
import { event, temporaryFolder } from './events.ts';

const FOREVER = new AbortController().signal;

/** A target that runs a shell script of these lines; `$1` is a folder for what it leaves. */
function scripted(lines: string, options: Partial<CommandOptions> = {}) {
  const folder = temporaryFolder();
  const script = join(folder, 'hook.sh');
  writeFileSync(script, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  const target = commandTarget({ name: 'hook', command: [script, folder], events: ['delivered'], ...options });
  const left = (name: string): string => readFileSync(join(folder, name), 'utf8');
  return { target, folder, left };
}

/** Whether a process still runs; one that ended and was not yet waited for does not. */
function isRunning(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && !/^\d+ \(.*\) Z/.test(readFileSync(stat, 'utf8'));
}

test('a command reads the event as JSON from stdin and its fields from the environment', async () => {
  const { target, left } = scripted('cat > "$1/stdin"; env -0 > "$1/environment"; pwd > "$1/directory"');
  const sent = event({ plaintextName: 'a\nb $(touch /tmp/x) `id` "\'.csv', code: null, plaintextSize: 12 });
  expect(await target.send(sent, FOREVER)).toEqual({ result: 'sent', detail: 'done' });
  expect(JSON.parse(left('stdin'))).toEqual(sent);
  const environment = left('environment')
    .split('\0')
    .filter((entry) => entry.startsWith('SEALDROP_'));
  expect(environment.toSorted()).toEqual([
    `SEALDROP_DELIVERY_PATH=${sent.deliveryPath}`,
    `SEALDROP_ENVELOPE=${sent.envelope}`,
    'SEALDROP_EVENT=delivered',
    `SEALDROP_ID=${sent.id}`,
    `SEALDROP_KEY_NAME=${sent.keyName}`,
    'SEALDROP_LANDING=acme',
    `SEALDROP_PARAMETERS=${sent.parameters}`,
    `SEALDROP_PLAINTEXT_NAME=${sent.plaintextName}`,
    'SEALDROP_PLAINTEXT_SIZE=12',
    `SEALDROP_TIME=${sent.time}`,
    'SEALDROP_VERIFICATION=manifest-mac',
    'SEALDROP_VERSION=1',
  ]);
  expect(left('directory')).toBe('/\n');
});

test("the daemon's credentials and its line to systemd stay with it", async () => {
  process.env['AWS_SECRET_ACCESS_KEY'] = 'throwaway';
  process.env['NOTIFY_SOCKET'] = '/run/throwaway';
  onTestFinished(() => {
    delete process.env['AWS_SECRET_ACCESS_KEY'];
    delete process.env['NOTIFY_SOCKET'];
  });
  const { target, left } = scripted('env > "$1/environment"');
  await target.send(event(), FOREVER);
  expect(left('environment')).not.toContain('throwaway');
  expect(left('environment')).toMatch(/^PATH=/m);
});

test('arguments are not read by a shell', async () => {
  const { target, left, folder } = scripted('printf %s "$2" > "$1/argument"');
  const words = '$(touch /tmp/x); rm -rf *';
  const other = commandTarget({
    name: 'hook',
    command: [join(folder, 'hook.sh'), folder, words],
    events: target.events,
  });
  await other.send(event(), FOREVER);
  expect(left('argument')).toBe(words);
});

test('a command that fails is to be run again, and what it said is kept', async () => {
  const { target } = scripted('echo one; echo two >&2; exit 3');
  const { result, detail } = await target.send(event(), FOREVER);
  expect(result).toBe('try-again');
  expect(detail).toMatch(/^exit status 3: /);
  expect(detail.split(': ')[1]?.split('\n').toSorted()).toEqual(['one', 'two']);
  const crashing = scripted('kill -SEGV $$');
  expect(await crashing.target.send(event(), FOREVER)).toEqual({ result: 'try-again', detail: 'ended by SIGSEGV' });
});

test('a command need not read its stdin', async () => {
  const { target } = scripted('exec 0<&-; exit 0');
  expect(await target.send(event({ message: 'x'.repeat(5_000_000) }), FOREVER)).toEqual({
    result: 'sent',
    detail: 'done',
  });
});

test('of a flood of output the start is kept, and the command can write it all', async () => {
  const { target } = scripted('echo begin; head -c 50000000 /dev/zero | tr "\\0" y; echo end >&2; exit 1');
  const { result, detail } = await target.send(event(), FOREVER);
  expect(result).toBe('try-again');
  expect(detail).toMatch(/^exit status 1: /);
  expect(detail).toContain('begin');
  expect(detail).toMatch(/ … \(\d+ more bytes\)$/);
  expect(detail.length).toBeLessThan(4200);
});

test('a command over its time limit is ended with everything it started, also when it will not listen', async () => {
  const lines = `trap '' TERM
    sleep 600 & echo $! > "$1/child"
    (trap '' TERM; while :; do sleep 600; done) & echo $! > "$1/stubborn"
    echo $$ > "$1/self"; echo started
    while :; do wait; done`;
  const { target, left } = scripted(lines, { timeout: 5000 });
  expect(await target.send(event(), FOREVER)).toEqual({
    result: 'try-again',
    detail: 'not done within 5000 ms: started',
  });
  for (const name of ['self', 'child', 'stubborn']) {
    await expect.poll(() => isRunning(Number(left(name)))).toBe(false);
  }
});

test('something left in the background does not hold up the event', async () => {
  const { target, left } = scripted('sleep 600 & echo $! > "$1/background"; echo ok');
  expect(await target.send(event(), FOREVER)).toEqual({ result: 'sent', detail: 'done: ok' });
  const pid = Number(left('background'));
  expect(isRunning(pid)).toBe(true);
  process.kill(pid);
});

test('a stopping daemon ends the command', async () => {
  const { target, left, folder } = scripted('echo $$ > "$1/part"; mv "$1/part" "$1/self"; exec sleep 600');
  const stopping = new AbortController();
  const sending = target.send(event(), stopping.signal);
  await expect.poll(() => existsSync(join(folder, 'self'))).toBe(true);
  stopping.abort();
  expect((await sending).result).toBe('try-again');
  expect(isRunning(Number(left('self')))).toBe(false);
});

test('a program that is not there or may not be run is to be tried again: the operator will mend it', async () => {
  for (const program of ['/nowhere/notify', '/etc/passwd', '/etc']) {
    const target = commandTarget({ name: 'hook', command: [program], events: ['delivered'] });
    const { result, detail } = await target.send(event(), FOREVER);
    expect(result).toBe('try-again');
    expect(detail).toMatch(/^cannot be started: .*(ENOENT|EACCES)/);
  }
});

test.each([[[]], [['notify']], [['./notify', '/tmp']]])(
  '%j is no command: the program needs its whole path',
  (command) => {
    expect(() => commandTarget({ name: 'hook', command, events: ['delivered'] })).toThrow(
      expect.objectContaining({ code: 'bad-configuration', hint: expect.stringContaining('whole path') }),
    );
  },
);
