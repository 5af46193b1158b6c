/** The last full run, where people read it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const DOCS = join(import.meta.dirname, '../../../docs');
const BEGIN = '<!-- bench: begin -->';
const END = '<!-- bench: end -->';

/** Between the two markers of docs/performance.md stands what the last run printed. */
export async function updateDocumentation(tables: string, picture: string | null): Promise<void> {
  const path = join(DOCS, 'performance.md');
  const document = await readFile(path, 'utf8');
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`${path} has lost its markers ${BEGIN} and ${END}`);
  const before = document.slice(0, begin + BEGIN.length);
  await writeFile(path, `${before}\n\n${tables}\n${document.slice(end)}`);
  if (picture !== null) await writeFile(join(DOCS, 'throughput.svg'), picture);
}
