/** The last full run, where people read it. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '../../..');
const DOCS = join(ROOT, 'docs');
const BEGIN = '<!-- bench: begin -->';
const END = '<!-- bench: end -->';
const PICTURE = '![Throughput over file size: Sealdrop, openssl, and the cipher alone](throughput.svg)';

/** Between the two markers of docs/performance.md stands what the last run printed. */
export async function updateDocumentation(tables: string, picture: string | null): Promise<void> {
  const path = join(DOCS, 'performance.md');
  const document = await readFile(path, 'utf8');
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`${path} has lost its markers ${BEGIN} and ${END}`);
  const before = document.slice(0, begin + BEGIN.length);
  await writeFile(path, `${before}\n\n${tables}\n\n${picture === null ? '' : PICTURE}\n\n${document.slice(end)}`);
  await promisify(execFile)(join(ROOT, 'node_modules/.bin/oxfmt'), [path], { cwd: ROOT });
  if (picture !== null) await writeFile(join(DOCS, 'throughput.svg'), picture);
}
