/**
 * A sender's program that exchanges members as fast as it can until it is killed: `node swapping-process.ts LANDING SECRET OWN`. Each
 * envelope of the landing is, from one instant to the next, made of files, links to a secret, folders, or nothing.
 */
import { copyFileSync, linkSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

const [landing = '', secret = '', own = ''] = process.argv.slice(2);
const STEMS = 8;
const SWAPS = 20;
/** Where the next thing is made, before it is renamed over a member. */
const NEXT = join(landing, '.next');

const TRICKS: readonly (() => void)[] = [
  () => symlinkSync(secret, NEXT),
  () => linkSync(secret, NEXT),
  () => symlinkSync(dirname(secret), NEXT),
  () => mkdirSync(NEXT),
];

const MEMBERS = [
  ['payload', '.enc'],
  ['wrapped', '.key.enc'],
  ['note', '.alg'],
] as const;

/** The daemon takes things away between any two of our steps, as we do between its own. */
function attempt(step: () => void): void {
  try {
    step();
  } catch {
    rmSync(NEXT, { recursive: true, force: true });
  }
}

function exchange(path: string, make: () => void): void {
  attempt(() => {
    make();
    renameSync(NEXT, path);
  });
}

function round(count: number): void {
  const stem = join(landing, `swapped-${count % STEMS}`);
  const trick = TRICKS[count % TRICKS.length] ?? (() => {});
  for (const [file, ending] of MEMBERS) exchange(stem + ending, () => copyFileSync(join(own, file), NEXT));
  const [file, ending] = MEMBERS[Math.floor(count / TRICKS.length) % MEMBERS.length] ?? MEMBERS[0];
  for (let again = 0; again < SWAPS; again += 1) {
    exchange(stem + ending, trick);
    exchange(stem + ending, () => copyFileSync(join(own, file), NEXT));
  }
  swapFolder(join(landing, `folder-${count % STEMS}`));
}

/** A folder that is now the sender's own, now a link to another sender's landing. */
function swapFolder(folder: string): void {
  attempt(() => mkdirSync(folder));
  for (const [file, ending] of MEMBERS) attempt(() => copyFileSync(join(own, file), join(folder, `inside${ending}`)));
  attempt(() => renameSync(folder, `${folder}.tmp`));
  attempt(() => symlinkSync(dirname(secret), folder));
  attempt(() => rmSync(folder));
  attempt(() => renameSync(`${folder}.tmp`, folder));
}

for (let count = 0; ; count += 1) round(count);
