import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { Outbox, type OutboxOptions } from '../../src/operations/outbox.ts';
import type { OutboxResult } from '../../src/operations/outbox-lane.ts';
import { event, LATER, NEVER, Receiver, TAKEN, temporaryFolder } from './events.ts';

async function opened(options: Partial<OutboxOptions> & Pick<OutboxOptions, 'targets'>) {
  const directory = options.directory ?? join(temporaryFolder(), 'outbox');
  const results: OutboxResult[] = [];
  const onResult = (result: OutboxResult): void => void results.push(result);
  const outbox = await Outbox.open({ retryDelay: () => 1, giveUpAfter: 3_600_000, onResult, ...options, directory });
  onTestFinished(() => outbox.close());
  const files = (target = 'receiver', folder = ''): string[] =>
    readdirSync(join(directory, target, folder)).filter((name) => name.endsWith('.json'));
  /** Resolves when so many attempts have ended. */
  const ended = async (count: number): Promise<void> => {
    await expect.poll(() => results.length).toBeGreaterThanOrEqual(count);
  };
  return { outbox, directory, results, files, ended };
}

test('an event reaches every target that wants it, whole, and leaves no file behind', async () => {
  const all = new Receiver({ name: 'all' });
  const failures = new Receiver({ name: 'failures', events: ['quarantined'] });
  const { outbox, files, results, ended } = await opened({ targets: [all, failures] });
  const delivered = event({ id: 'd', plaintextName: 'naïve \u202e\n.txt' });
  const quarantined = event({ id: 'q', event: 'quarantined', code: 'bad-decrypt', message: 'wrong key' });
  await outbox.post(delivered);
  await outbox.post(quarantined);
  await ended(3);
  expect(all.received).toEqual([delivered, quarantined]);
  expect(failures.received).toEqual([quarantined]);
  expect([files('all'), files('failures')]).toEqual([[], []]);
  expect(results).toContainEqual({ target: 'failures', id: 'q', result: 'sent', detail: 'taken', attempts: 1 });
  expect([...outbox.pending]).toEqual([
    ['all', 0],
    ['failures', 0],
  ]);
});

test('kill -9 between a post and the end of its hook loses no event', async () => {
  const directory = join(temporaryFolder(), 'outbox');
  const program = join(import.meta.dirname, 'posting-process.ts');
  const words = ['--conditions=@sealdrop/source', program, directory, JSON.stringify(event())];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const posted: string[] = [];
  lines.on('line', (line) => posted.push(line));
  while (posted.length < 25) await once(lines, 'line');
  child.kill('SIGKILL');
  await Promise.all([once(child, 'exit'), once(lines, 'close')]);

  const receiver = new Receiver();
  const { ended, files } = await opened({ directory, targets: [receiver] });
  await ended(posted.length);
  const received = new Set(receiver.received.map(({ id }) => id));
  expect(posted.filter((id) => !received.has(id))).toEqual([]);
  await expect.poll(() => files()).toEqual([]);
});

test('a target that is not ready is tried again until it takes the event', async () => {
  const delays: number[] = [];
  const receiver = new Receiver({}, () => (receiver.received.length < 4 ? LATER : TAKEN));
  const retryDelay = (failures: number): number => {
    delays.push(failures);
    return 1;
  };
  const { outbox, results, ended } = await opened({ targets: [receiver], retryDelay });
  await outbox.post(event({ id: 'e' }));
  await ended(4);
  expect(results.map(({ result, attempts }) => `${result} ${attempts}`)).toEqual([
    'try-again 1',
    'try-again 2',
    'try-again 3',
    'sent 4',
  ]);
  expect(delays).toEqual([1, 2, 3]);
});

test('a target that throws is tried again', async () => {
  const receiver = new Receiver({}, () => {
    if (receiver.received.length === 1) throw new Error('it broke');
    return TAKEN;
  });
  const { outbox, results, ended } = await opened({ targets: [receiver] });
  await outbox.post(event());
  await ended(2);
  expect(results.map(({ result }) => result)).toEqual(['try-again', 'sent']);
  expect(results[0]?.detail).toContain('it broke');
});

test('a target that hangs holds up neither the one who posts nor another target', async () => {
  const hanging = new Receiver({ name: 'hanging', concurrency: 3 }, (_, signal) =>
    once(signal, 'abort').then(() => LATER),
  );
  const quick = new Receiver({ name: 'quick' });
  const { outbox, ended } = await opened({ targets: [hanging, quick] });
  for (let index = 0; index < 10; index += 1) await outbox.post(event({ id: `e${index}` }));
  await ended(10);
  expect(quick.received).toHaveLength(10);
  expect(quick.most).toBeLessThanOrEqual(2);
  expect([hanging.received.length, hanging.most]).toEqual([3, 3]);
  expect(outbox.pending.get('hanging')).toBe(10);
});

test('close breaks off what is on its way, and all of it is sent after the next start', async () => {
  const hanging = new Receiver({}, (_, signal) => once(signal, 'abort').then(() => LATER));
  const first = await opened({ targets: [hanging] });
  for (const id of ['a', 'b', 'c']) await first.outbox.post(event({ id }));
  await first.outbox.close();
  expect(first.results).toEqual([]);
  const receiver = new Receiver();
  const second = await opened({ directory: first.directory, targets: [receiver] });
  await second.ended(3);
  expect(receiver.received.map(({ id }) => id).toSorted()).toEqual(['a', 'b', 'c']);
});

test('a rejected event is kept apart, and tried again once an operator moved it back', async () => {
  const first = await opened({ targets: [new Receiver({}, () => NEVER)] });
  await first.outbox.post(event({ id: 'e' }));
  await first.ended(1);
  expect(first.results).toMatchObject([{ result: 'given-up', detail: 'no such address' }]);
  expect([first.files(), first.files('receiver', 'failed')]).toEqual([[], ['e.json']]);
  await first.outbox.close();

  const folder = join(first.directory, 'receiver');
  renameSync(join(folder, 'failed', 'e.json'), join(folder, 'e.json'));
  const receiver = new Receiver();
  const second = await opened({ directory: first.directory, targets: [receiver] });
  await second.ended(1);
  expect(receiver.received).toMatchObject([{ id: 'e' }]);
});

test('an event that is too old to be told is given up', async () => {
  const { outbox, results, ended, files } = await opened({
    targets: [new Receiver({}, () => LATER)],
    giveUpAfter: 60_000,
  });
  await outbox.post(event({ id: 'old', time: new Date(Date.now() - 61_000).toISOString() }));
  await ended(1);
  expect(results).toEqual([{ target: 'receiver', id: 'old', result: 'given-up', detail: 'busy', attempts: 1 }]);
  expect(files('receiver', 'failed')).toEqual(['old.json']);
});

test('of what was given up the latest thousand are kept', async () => {
  const { outbox, directory, ended, files } = await opened({ targets: [new Receiver({}, () => NEVER)] });
  for (let index = 0; index < 1000; index += 1) {
    writeFileSync(join(directory, 'receiver', 'failed', `e${String(index).padStart(4, '0')}.json`), '{}');
  }
  await outbox.post(event({ id: 'e1000' }));
  await ended(1);
  const kept = files('receiver', 'failed').toSorted();
  expect([kept.length, kept[0], kept.at(-1)]).toEqual([1000, 'e0001.json', 'e1000.json']);
});

test('files that are no events are put apart or removed, and the others are sent', async () => {
  const first = await opened({ targets: [new Receiver()] });
  await first.outbox.close();
  const folder = join(first.directory, 'receiver');
  writeFileSync(join(folder, 'broken.json'), '{"version":1,');
  writeFileSync(join(folder, 'foreign.json'), '{"version":2}');
  writeFileSync(join(folder, 'half.json.tmp'), '{');
  writeFileSync(join(folder, 'good.json'), JSON.stringify(event({ id: 'good' })));
  const receiver = new Receiver();
  const second = await opened({ directory: first.directory, targets: [receiver] });
  await second.ended(3);
  expect(receiver.received.map(({ id }) => id)).toEqual(['good']);
  expect(second.files('receiver', 'failed').toSorted()).toEqual(['broken.json', 'foreign.json']);
  expect(existsSync(join(folder, 'half.json.tmp'))).toBe(false);
});

test('an event posted again while it waits is told once', async () => {
  const receiver = new Receiver({}, (_, signal) => once(signal, 'abort').then(() => LATER));
  const { outbox, files } = await opened({ targets: [receiver] });
  await outbox.post(event({ id: 'e' }));
  await outbox.post(event({ id: 'e' }));
  await expect.poll(() => receiver.received.length).toBe(1);
  expect(files()).toEqual(['e.json']);
  expect(receiver.received).toHaveLength(1);
  expect(outbox.pending.get('receiver')).toBe(1);
});

test.each([['../up'], ['failed/x'], ['.hidden'], ['']])('%j cannot be the name of a target', async (name) => {
  await expect(opened({ targets: [new Receiver({ name })] })).rejects.toMatchObject({ code: 'bad-configuration' });
});

test('two targets cannot have one name', async () => {
  const targets = [new Receiver(), new Receiver()];
  await expect(opened({ targets })).rejects.toMatchObject({
    code: 'bad-configuration',
    message: expect.stringContaining('receiver'),
  });
});
