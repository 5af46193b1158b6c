/** The promise of the evidence, measured: among many wrong keys, none is `certain`. `SEALDROP_WRONG_KEYS=100000` for the full number. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { diagnoseEnvelope, parseFlags } from '../../src/index.ts';
import type { KeyProvider } from '../../src/index.ts';
import { opensslEnc, temporaryDirectory, writeKeyFile } from '../openssl/openssl-enc.ts';

const WRONG_KEYS = Number(process.env['SEALDROP_WRONG_KEYS'] ?? 300);
const CASES = 3;
const KEYS_PER_CASE = WRONG_KEYS / CASES;
/** Milliseconds: a key takes a tenth of a second of a core, and the cores may be slow, and busy with much else. */
const TIMEOUT = 20_000 * KEYS_PER_CASE;

const directory = temporaryDirectory();

/** A key of one's own, as the interface invites to: it gives a random key file each time. */
const wrongKey: KeyProvider = {
  name: 'wrong',
  publicKey: () => Promise.reject(new Error('not asked')),
  unwrap: async () => Buffer.from(`${randomBytes(32).toString('base64')}\n`),
};

const PLAINTEXTS = {
  'a short text': Buffer.from('Every kind of file begins with something of its own.\n'),
  'noise of a length with much padding': randomBytes(65),
};

describe(`among ${WRONG_KEYS} wrong keys none is certain`, () => {
  test.each([
    ['-aes-256-cbc -md sha256', 'a short text'],
    ['-aes-256-cbc -md sha256', 'noise of a length with much padding'],
    ['-aes-256-ctr -md sha256', 'a short text'],
  ] as const)('%s, %s', { timeout: TIMEOUT }, async (flags, what) => {
    const keyFile = writeKeyFile(directory, `${randomBytes(32).toString('base64')}\n`);
    const payload = join(directory, 'payload.enc');
    const wrappedKey = join(directory, 'key.enc');
    writeFileSync(payload, opensslEnc([...flags.split(' '), '-pass', `file:${keyFile}`], PLAINTEXTS[what]));
    writeFileSync(wrappedKey, randomBytes(256));
    const members = { payload, wrappedKey, note: null, manifest: null, signature: null };
    const verdicts = { certain: 0, likely: 0, ambiguous: 0, none: 0 };
    let tried = 0;
    for (let count = 0; count < KEYS_PER_CASE; count++) {
      // Without PBKDF2, since nothing is slower, and what comes out is noise all the same.
      const options = { keys: [wrongKey], parameters: parseFlags(flags), budget: 400 };
      const { verdict, effort } = await diagnoseEnvelope(members, options);
      verdicts[verdict] += 1;
      tried += effort.candidates;
    }
    expect(verdicts).toMatchObject({ certain: 0 });
    // `likely` is wrong once in a thousand at most; three standard deviations are allowed on top.
    const most = KEYS_PER_CASE / 1000;
    expect(verdicts.likely).toBeLessThanOrEqual(most + 3 * Math.sqrt(most));
    expect(tried).toBeGreaterThan(KEYS_PER_CASE);
    if (WRONG_KEYS > 10_000) process.stdout.write(`${flags}, ${what}: ${JSON.stringify({ ...verdicts, tried })}\n`);
  });
});
