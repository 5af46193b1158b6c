import { type Dir, opendirSync } from 'node:fs';
import { entriesOf } from '../spool/durable.ts';
import { unlessErrno } from '../spool/errno.ts';
import { atOnce } from '../spool/file-calls.ts';
import { nearnessOf } from '../spool/nearness.ts';

/** What one directory of a landing holds. */
export interface Entries {
  readonly files: readonly string[];
  readonly folders: readonly string[];
  /** Those that cannot belong to an envelope: their names are not UTF-8, or they are folders that lie too deep. */
  readonly unusable: readonly Buffer[];
  /** `cut` when it holds more than is looked at in one scan. */
  readonly extent: 'whole' | 'cut';
}

interface Limits {
  /** So many entries are looked at. */
  readonly most: number;
  readonly innerFolders: 'usable' | 'unusable';
}

class Collection implements Entries {
  readonly files: string[] = [];
  readonly folders: string[] = [];
  readonly unusable: Buffer[] = [];
  extent: Entries['extent'] = 'whole';
  readonly #limits: Limits;
  #count = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** To be asked before each entry. */
  takesMore(): boolean {
    this.#count += 1;
    if (this.#count > this.#limits.most) this.extent = 'cut';
    return this.extent === 'whole';
  }

  add(name: string, kind: 'file' | 'folder'): void {
    if (kind === 'file') this.files.push(name);
    else if (this.#limits.innerFolders === 'usable') this.folders.push(name);
    else this.unusable.push(Buffer.from(name));
  }
}

/** So many entries are read at a time; after them the event loop may get its turn. */
const AT_A_TIME = 1024;
/** What bytes that are not UTF-8 read as. A name may also hold it in truth. */
const REPLACEMENT = '\ufffd';

/** A Buffer for each of a hundred thousand names takes three times as long as all else: only where one is not UTF-8 they are read as bytes. */
export async function readEntries(path: string, limits: Limits): Promise<Entries> {
  if (nearnessOf(path) === 'far') return readAsBytes(path, limits);
  // ENOENT: where the file system does not tell what an entry is, Node asks by its name, and finds nothing under what bytes read as.
  return (await unlessErrno(['ENOENT'], () => readAsText(path, limits))) ?? readAsBytes(path, limits);
}

/** @returns null when a name may be more than text */
async function readAsText(path: string, limits: Limits): Promise<Entries | null> {
  const directory = await atOnce(() => opendirSync(path, { bufferSize: AT_A_TIME }));
  try {
    const entries = new Collection(limits);
    let state: 'more' | 'end' | 'not-text' = 'more';
    while (state === 'more') state = await atOnce(() => takeSome(directory, entries));
    return state === 'end' ? entries : null;
  } finally {
    directory.closeSync();
  }
}

function takeSome(directory: Dir, entries: Collection): 'more' | 'end' | 'not-text' {
  for (let count = 0; count < AT_A_TIME; count += 1) {
    const entry = directory.readSync();
    if (entry === null || !entries.takesMore()) return 'end';
    if (entry.name.includes(REPLACEMENT)) return 'not-text';
    entries.add(entry.name, entry.isDirectory() ? 'folder' : 'file');
  }
  return 'more';
}

async function readAsBytes(path: string, limits: Limits): Promise<Entries> {
  const entries = new Collection(limits);
  for await (const entry of await entriesOf(path)) {
    if (!entries.takesMore()) break;
    const name = entry.name.toString('utf8');
    // A name that is not UTF-8 could not be opened again under what it reads as.
    if (Buffer.from(name, 'utf8').equals(entry.name)) entries.add(name, entry.isDirectory() ? 'folder' : 'file');
    else entries.unusable.push(entry.name);
  }
  return entries;
}
