import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LandingConfig } from '../../src/config/schema.ts';
import { fingerprint } from '../../src/landing/settling.ts';
import { type Anchor, openAnchor } from '../../src/spool/anchor.ts';
import { type Claimable, claimEnvelope } from '../../src/spool/claim.ts';
import { openSpool, type Spool } from '../../src/spool/layout.ts';
import { Turns } from '../../src/spool/turns.ts';

const NAMES = ['x.enc', 'x.key.enc', 'x.alg'] as const;

let root: string;
let folder: string;
let spool: Spool;
let anchor: Anchor;
let claimable: Claimable;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'sealdropd-claim-'));
  folder = join(root, 'incoming/folder');
  mkdirSync(folder, { recursive: true });
  for (const name of NAMES) writeFileSync(join(folder, name), name);
  spool = await openSpool(join(root, 'spool'));
  anchor = await openAnchor(join(root, 'incoming'), 'folder');
  const landing = { name: 'acme', directory: join(root, 'incoming'), delivery: join(root, 'plain') } as LandingConfig;
  const [payload, wrappedKey, note] = NAMES;
  const names = { payload: [payload], 'wrapped-key': [wrappedKey], note: [note], manifest: [], signature: [] };
  const entries = new Map(NAMES.map((name) => [name, lstatSync(join(folder, name), { bigint: true })]));
  const group = { layout: 'flat', stem: 'x', names } as const;
  claimable = { landing, group, folder: 'folder', anchor, entries, turns: new Turns() };
});

afterEach(async () => {
  await anchor.release();
  rmSync(root, { recursive: true });
});

/** Claims while the sender does something once the first member was taken. */
function claimWhile(act: () => void): ReturnType<typeof claimEnvelope> {
  let looks = 0;
  return claimEnvelope(spool, claimable, async (path) => {
    looks += 1;
    if (looks === 1) act();
    return fingerprint(path);
  });
}

const inState = (state: string): readonly string[] => readdirSync(join(root, 'spool', state));

test('when the folder is removed midway, what was taken is kept to be judged as it is', async () => {
  const claim = await claimWhile(() => rmSync(folder, { recursive: true }));
  expect(claim?.names).toMatchObject({ payload: ['x.enc'], 'wrapped-key': [], note: [] });
  expect(inState('claiming')).toEqual([]);
  expect(inState('claimed')).toEqual([claim?.id]);
});

test('when a member goes midway, all is put back', async () => {
  const claim = await claimWhile(() => rmSync(join(folder, 'x.alg')));
  expect(claim).toBeNull();
  expect(readdirSync(folder).sort()).toEqual(['x.enc', 'x.key.enc']);
  expect(readFileSync(join(folder, 'x.enc'), 'utf8')).toBe('x.enc');
  expect([...inState('claiming'), ...inState('claimed')]).toEqual([]);
});
