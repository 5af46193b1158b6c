import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { ErrorCode } from '@sealdrop/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT_STATUS } from '../src/exit-status.ts';
import { Workspace } from './transcript.ts';
import {
  badFlags,
  copyVectors,
  goodFlags,
  keyOption,
  oaepOption,
  oaepText,
  readBadVectors,
  readGoodVectors,
} from './vectors.ts';
import type { BadVector } from './vectors.ts';

const CORES = 2;

let workspace: Workspace;

beforeAll(() => {
  workspace = new Workspace();
  copyVectors('envelopes', workspace.path('good'));
  copyVectors('negative', workspace.path('bad'));
});

afterAll(() => workspace.remove());

/** Runs the calls, two at a time. */
async function runAll(calls: readonly (() => Promise<void>)[]): Promise<void> {
  const queue = [...calls];
  const worker = async () => {
    for (let call = queue.shift(); call !== undefined; call = queue.shift()) await call();
  };
  await Promise.all(Array.from({ length: CORES }, worker));
}

const sha256 = (path: string) => createHash('sha256').update(workspace.read(path)).digest('hex');

interface Result {
  readonly envelope: string;
  readonly output?: string;
  readonly error?: { readonly code: ErrorCode; readonly blame: string; readonly message: string };
}

interface Call {
  readonly folder: 'good' | 'bad';
  readonly ids: readonly string[];
  readonly options: readonly string[];
}

/** One call of the program for all folders that are told the same; the results by folder. */
async function decryptFolders({ folder, ids, options }: Call) {
  const names = ids.map((id) => `${folder}/${id}`);
  const { status, stdout, stderr } = await workspace.sealdrop(['decrypt', ...names, ...options, '--json']);
  expect(stderr).toBe('');
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Result);
  return { status, results: new Map(lines.map((line) => [line.envelope.split('/')[1] ?? '', line])) };
}

/** Vectors by the options that open them. */
function groupByOptions<Vector extends { readonly id: string }>(
  vectors: readonly Vector[],
  options: (vector: Vector) => readonly string[],
): readonly (readonly [readonly string[], readonly string[]])[] {
  const groups = Map.groupBy(vectors, (vector) => JSON.stringify(options(vector)));
  return [...groups].map(([text, group]) => [JSON.parse(text) as readonly string[], group.map(({ id }) => id)]);
}

test('every good envelope decrypts to the stated plaintext', async () => {
  const vectors = readGoodVectors();
  const outputs = new Map<string, string>();
  const keys = [...new Set(vectors.map(({ wrap }) => wrap.rsaKeyFile))].flatMap(keyOption);
  const groups = groupByOptions(vectors, (vector) => ['--parameters', goodFlags(vector), ...oaepOption(vector.wrap)]);
  const calls = groups.map(([options, ids]) => async () => {
    const call = { folder: 'good', ids, options: [...options, ...keys, '--allow-weak-key', '--allow-noise'] } as const;
    const { status, results } = await decryptFolders(call);
    for (const [id, { output, error }] of results) {
      outputs.set(id, output === undefined ? (error?.message ?? '') : sha256(output));
    }
    expect([status, options]).toEqual([0, options]);
  });
  await runAll(calls);
  expect(outputs).toEqual(new Map(vectors.map(({ id, plaintextSha256 }) => [id, plaintextSha256])));
});

/** What openssl has no way of seeing, and Sealdrop repairs or reads more tolerantly than openssl: the plaintext is right. */
const REPAIRED: ReadonlySet<string> = new Set([
  'data-lf-key-crlf',
  'data-lf-key-crlf-btk',
  'key-base64',
  'key-base64-oneline',
  'key-base64-crlf',
]);

/** openssl decrypts it without a word; Sealdrop sees that the header stands twice. */
const NOTICED: ReadonlySet<string> = new Set(['data-twice']);

describe('bad envelopes', () => {
  const vectors = readBadVectors();
  const results = new Map<string, Result>();
  const pathOf = (id: string) => `bad/${id}/data`;

  beforeAll(async () => {
    const groups = groupByOptions(vectors, (vector) => [
      '--parameters',
      badFlags(vector),
      '--oaep',
      oaepText(vector.wrap),
      ...keyOption(vector.wrap.rsaKeyFile),
      '--allow-noise',
    ]);
    const calls = groups.map(([options, ids]) => async () => {
      for (const [id, result] of (await decryptFolders({ folder: 'bad', ids, options })).results)
        results.set(id, result);
    });
    await runAll(calls);
  });

  const isSilent = ({ id, stage }: BadVector) => stage === 'silent' && !NOTICED.has(id);
  const isWrong = (vector: BadVector) => !isSilent(vector) && !REPAIRED.has(vector.id);

  test.each(vectors.filter(isWrong))('$id fails, with status 65, and leaves nothing', ({ id }) => {
    const { code, blame } = results.get(id)?.error ?? {};
    expect([code === undefined ? 0 : EXIT_STATUS[code], blame]).toEqual([65, 'sender']);
    expect(existsSync(workspace.path(pathOf(id)))).toBe(false);
  });

  test.each(vectors.filter(({ id }) => REPAIRED.has(id)))('$id is repaired', ({ id, originalPlaintextSha256 }) => {
    expect(results.get(id)?.error).toBeUndefined();
    expect(sha256(pathOf(id))).toBe(originalPlaintextSha256);
  });

  test.each(vectors.filter(isSilent))(
    '$id decrypts to what openssl makes of it, as nothing can show that it is wrong',
    ({ id, silentOutputSha256 }) => {
      expect(results.get(id)?.error).toBeUndefined();
      expect(sha256(pathOf(id))).toBe(silentOutputSha256);
    },
  );
});
