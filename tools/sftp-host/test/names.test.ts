import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { quoteForSftp, startSftpHost } from '../src/index.ts';
import type { Sender, SftpHost } from '../src/index.ts';
import { localDirectory, writeRandomFile } from './hosting.ts';

let host: SftpHost;
let acme: Sender;

beforeAll(async () => {
  host = await startSftpHost({ senders: ['acme'] });
  acme = host.sender('acme');
});
afterAll(() => host.close());

const LONGEST_NAME = 255;

const ODD_NAMES = [
  'two words  and more.enc',
  ' leading and trailing ',
  '-rf.enc',
  '#comment.enc',
  '!command.enc',
  `it's "quoted".enc`,
  '*?[a-z]{b,c}.enc',
  String.raw`back\slash.enc`,
  String.raw`back\\slashes\*\?\[.enc`,
  '~$HOME;&|<>()`^.enc',
  'größe-文件-😀.enc',
  'right-to-left-\u202Ecne.fdp',
  'tab\there.enc',
  'bell\u0007escape\u001B[31m.enc',
  '..enc',
  'a'.repeat(LONGEST_NAME),
  'ü'.repeat((LONGEST_NAME - 1) / 2),
];

test('a batch can name whatever has no line break: put, rename and delete it', async () => {
  const directory = localDirectory();
  const contents = ODD_NAMES.map((name) => writeRandomFile(directory, name, 10));
  const quoted = ODD_NAMES.map((name) => quoteForSftp(`./${name}`));
  const put = await host.sftp(
    'acme',
    quoted.map((name) => `put ${name}`),
    { localDirectory: directory },
  );
  expect(put).toMatchObject({ status: 0, stderr: '' });
  expect(readdirSync(acme.landing).sort()).toEqual(ODD_NAMES.toSorted());
  expect(ODD_NAMES.map((name) => readFileSync(join(acme.landing, name)))).toEqual(contents);
  const others = quoted.flatMap((name) => [
    `rename ${name} other`,
    `rename other ${name}`,
    `put ${name} ${name}`,
    `rm ${name}`,
  ]);
  const result = await host.sftp('acme', others, { localDirectory: directory });
  expect(result).toMatchObject({ status: 0, stderr: '' });
  expect(readdirSync(acme.landing)).toEqual([]);
});

test('a name with a line break cannot stand in a batch', () => {
  expect(() => quoteForSftp('two\nlines')).toThrow(RangeError);
});

describe('a wildcard uploads', () => {
  test.each([
    { what: 'a name with line breaks', name: Buffer.from('wild\r\ntwo\nlines.enc') },
    { what: 'a name that is no UTF-8', name: Buffer.from('wild-\xff\xfe-\xc3.enc', 'latin1') },
  ])('$what', async ({ name }) => {
    const directory = localDirectory();
    writeRandomFile(directory, name, 10);
    expect(await host.sftp('acme', ['put wild*'], { localDirectory: directory })).toMatchObject({ status: 0 });
    expect(readdirSync(acme.landing, { encoding: 'buffer' })).toEqual([name]);
    expect(await host.sftp('acme', ['rm wild*'])).toMatchObject({ status: 0 });
  });
});

test('a name of 256 bytes is refused', async () => {
  const directory = localDirectory();
  writeRandomFile(directory, 'short', 10);
  const long = 'a'.repeat(LONGEST_NAME + 1);
  expect(await host.sftp('acme', [`put short ${long}`], { localDirectory: directory })).toMatchObject({ status: 1 });
  expect(readdirSync(acme.landing)).toEqual([]);
});
