/** In each round three envelopes land at once, two good and one bad; and what must have become of them in the end. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { vi } from 'vitest';
import { DaemonProcess } from '../daemon-process.ts';
import { Host, type HostOptions } from '../host.ts';
import { flatPath, MEMBERS, seal, type Triple, upload } from '../sender.ts';

const THERE_BEFORE = 'there before';
const FIRST = 'alpha.csv';
const SECOND = 'beta.csv';
const BAD = 'gamma.csv';
const PLAINTEXTS = { [FIRST]: 'first\n'.repeat(1000), [SECOND]: 'second\n' } as const;
const EXITS = 60_000;

/** Without fsync's wait where the machine has memory to spare: a killed process loses nothing of it. */
export const QUICK_DISK = existsSync('/dev/shm') ? '/dev/shm' : undefined;

export interface Sealed {
  readonly host: Host;
  readonly triples: ReadonlyMap<string, Triple>;
}

/** Sealing takes longer than delivering: once for all. */
export function sealAll(): Sealed {
  const host = new Host({ parent: QUICK_DISK });
  const good = Object.entries(PLAINTEXTS).map(([name, plaintext]) => [name, seal(host, { plaintext })] as const);
  const bad = seal(host, { plaintext: 'third\n', note: 'ask Bob\n' });
  return { host, triples: new Map([...good, [BAD, bad]]) };
}

export class StruckHost {
  readonly host: Host;
  readonly #sealed: Sealed;
  readonly #options: HostOptions;
  #rounds = 0;

  constructor(sealed: Sealed, options: HostOptions) {
    this.#sealed = sealed;
    this.#options = options;
    this.host = new Host({ parent: QUICK_DISK, settle: '20ms', ...options });
  }

  /** The first envelope's name is taken already. */
  land(): void {
    this.#rounds += 1;
    writeFileSync(join(this.host.delivery, this.#name(FIRST)), THERE_BEFORE);
    for (const [name, triple] of this.#sealed.triples) upload(this.host, this.#name(name), triple);
  }

  #name(name: string, round = this.#rounds): string {
    return `${round}-${name}`;
  }

  /** Runs the daemon until a fault kills it. */
  async struckBy(fault: string): Promise<void> {
    const daemon = new DaemonProcess(this.host.configFile, { NODE_ENV: 'test', SEALDROP_FAULT: fault });
    const timer = setTimeout(() => daemon.signal('SIGTERM'), EXITS);
    const { signal } = await daemon.exited();
    clearTimeout(timer);
    const log = daemon.raw.join('\n');
    assert.equal(signal, 'SIGKILL', `${fault} was never reached:\n${log}\n${await daemon.stderr}`);
  }

  /** Runs the daemon until there is nothing left to do. @param isDone whatever else there is to wait for */
  async settles(fault = '', isDone = (): boolean => true): Promise<DaemonProcess> {
    const daemon = await this.host.start({ NODE_ENV: 'test', SEALDROP_FAULT: fault });
    try {
      await vi.waitUntil(() => this.#isIdle() && isDone(), { timeout: EXITS, interval: 10 });
    } catch {
      throw new Error(`never done; left: ${this.#left().join(', ')}\n${daemon.raw.join('\n')}`);
    }
    assert.equal(await daemon.stop(), 0);
    return daemon;
  }

  #left(): readonly string[] {
    const states = ['claiming', 'claimed', 'delivered', 'removing'];
    return [this.host.landing, ...states.map((state) => join(this.host.spool, state))].flatMap((directory) =>
      readdirSync(directory).map((name) => join(basename(directory), name)),
    );
  }

  #isIdle(): boolean {
    return this.#left().length === 0 && this.host.inState('quarantine').every((id) => existsSync(this.#told(id)));
  }

  #told(id: string): string {
    return join(this.host.spool, 'quarantine', id, 'told.json');
  }

  /** Exactly one delivery with the right bytes for each good envelope, each bad one whole in quarantine, and nothing else anywhere. */
  expectAllWell(): void {
    assert.deepEqual(
      contentsOf(this.host.delivery),
      Object.assign({}, ...this.#eachRound((round) => this.#delivered(round))),
    );
    assert.deepEqual(this.#left(), []);
    const stems = this.host.inState('quarantine').map((id) => this.#expectQuarantined(id));
    assert.deepEqual(stems.sort(), this.#eachRound((round) => this.#name(BAD, round)).sort());
    const archived = this.host.inState('archive').map((id) => this.host.members('archive', id).length);
    const keeps = this.#options.settings?.includes('archive: keep') === true;
    assert.deepEqual(archived, keeps ? this.#eachRound(() => [3, 3]).flat() : []);
  }

  #eachRound<T>(make: (round: number) => T): T[] {
    return Array.from({ length: this.#rounds }, (_, index) => make(index + 1));
  }

  #delivered(round: number): Readonly<Record<string, string>> {
    const [first, second] = [this.#name(FIRST, round), this.#name(SECOND, round)];
    const others = { [second]: PLAINTEXTS[SECOND] };
    if (this.#options.landing?.includes('replace') === true) return { [first]: PLAINTEXTS[FIRST], ...others };
    return { [first]: THERE_BEFORE, [`${first}.1`]: PLAINTEXTS[FIRST], ...others };
  }

  /** @returns the envelope's stem */
  #expectQuarantined(id: string): string {
    const envelope = join(this.host.spool, 'quarantine', id);
    const names = readdirSync(envelope).filter((name) => name !== 'history.json');
    assert.deepEqual(names.sort(), ['claim.json', 'members', 'report.json', 'told.json']);
    assert.partialDeepStrictEqual(this.host.report(id), { id, code: 'bad-note' });
    const { stem } = JSON.parse(readFileSync(join(envelope, 'claim.json'), 'utf8')) as { readonly stem: string };
    for (const member of MEMBERS) {
      const kept = join(envelope, 'members', basename(flatPath(this.host, stem, member)));
      assert.equal(sha256(kept), sha256(this.#sealed.triples.get(BAD)?.[member] ?? ''));
    }
    return stem;
  }

  /** The ledger tells of each envelope once, all that there is to tell. */
  expectOneReceiptEach(): void {
    const told = this.receipts().map(({ outcome, code, plaintext_name: name, key_name: key, delivery_path: path }) =>
      outcome === 'delivered' ? [name, key !== null, basename(String(path))] : [outcome, code],
    );
    const expected = this.#eachRound((round) => {
      const [first, second] = [this.#name(FIRST, round), this.#name(SECOND, round)];
      const suffix = this.#options.landing?.includes('replace') === true ? '' : '.1';
      return [
        [first, true, `${first}${suffix}`],
        [second, true, second],
        ['quarantined', 'bad-note'],
      ];
    });
    const inOrder = (rows: readonly unknown[][]): readonly string[] => rows.map((row) => row.join(' ')).toSorted();
    assert.deepEqual(inOrder(told), inOrder(expected.flat()));
  }

  receipts(): readonly Readonly<Record<string, unknown>>[] {
    const ledger = new DatabaseSync(join(this.host.spool, 'ledger.db'), { readOnly: true });
    const receipts = ledger.prepare('SELECT * FROM receipts').all();
    ledger.close();
    return receipts;
  }

  close(): Promise<void> {
    return this.host.close();
  }
}

export function contentsOf(directory: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'latin1')]),
  );
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
