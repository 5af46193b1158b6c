import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeKeyPair } from './sender.ts';
import { Workspace } from './transcript.ts';

const MIB = 1024 * 1024;
const LARGE = 1024;
/** MiB; a program that kept the file would need more than twice as much. */
const LIMIT = 200;

let workspace: Workspace;

beforeAll(() => {
  workspace = new Workspace();
  makeKeyPair(workspace);
  workspace.shell(`truncate -s ${LARGE}M large`);
  workspace.write(
    'peak.mjs',
    `import { writeFileSync } from 'node:fs';
    process.once('exit', () => writeFileSync('peak', String(process.resourceUsage().maxRSS)));`,
  );
});

afterAll(() => workspace.remove());

/** MiB that the program itself says it had at its peak. */
async function peakOf(args: readonly string[]): Promise<number> {
  const env = { NODE_OPTIONS: '--import ./peak.mjs' };
  expect(await workspace.sealdrop(args, { env })).toMatchObject({ status: 0 });
  return (Number(workspace.read('peak').toString()) * 1024) / MIB;
}

test('memory does not grow with the file', { timeout: 300_000 }, async () => {
  expect(await peakOf(['encrypt', 'large', '--public-key', 'pubkey.pem'])).toBeLessThan(LIMIT);
  workspace.shell('rm large');
  expect(await peakOf(['decrypt', 'large.enc', '--key', 'file:private.pem'])).toBeLessThan(LIMIT);
  expect(workspace.shell('stat -c %s large')).toBe(`${LARGE * MIB}\n`);
});
