/** Senders who never rest: envelopes of every kind and size, good and bad, in several landings; and what must have become of each in the end. */
import assert from 'node:assert/strict';
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { oaepWith, parseFlags, sealEnvelope } from '@sealdrop/core';
import { Host } from '../host.ts';
import type { SeededRandom } from './seeded-random.ts';

export interface LoadLanding {
  readonly name: string;
  readonly directory: string;
  readonly delivery: string;
}

/** What a sender did wrong, and the code that it is to hear. */
const MISTAKES = {
  'unknown note': 'bad-note',
  'changed payload': 'payload-changed',
  'cut payload': 'truncated-payload',
} as const;

type Mistake = keyof typeof MISTAKES;

interface Sent {
  readonly landing: string;
  /** Of the plaintext, as it is wished. */
  readonly name: string;
  readonly mistake: Mistake | null;
  readonly plaintext: string;
  /** Digests by name. */
  readonly members: ReadonlyMap<string, string>;
}

const SIZES = [1, 700, 20_000, 300_000, 3_000_000] as const;
const STATES = ['claiming', 'claimed', 'delivered', 'removing', 'archive'] as const;
/** The names that are taken before anything is delivered. */
const TAKEN = 'there before';

export class RandomLoad {
  /** On a real disk: its syncs are long moments to be killed in. */
  readonly host = new Host({ settle: '50ms' });
  readonly landings: readonly LoadLanding[];
  readonly #random: SeededRandom;
  readonly #publicKey: KeyObject;
  /** Several may be sealed at once. */
  #begun = 0;
  /** By the digest of the payload. */
  readonly #sent = new Map<string, Sent>();

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#publicKey = createPublicKey(readFileSync(this.host.publicKey));
    const { folder, landing, delivery, configFile } = this.host;
    const more = ['beta', 'gamma'].map((name) => {
      const places = { name, directory: join(folder, `${name}-in`), delivery: join(folder, `${name}-out`) };
      mkdirSync(places.directory);
      mkdirSync(places.delivery);
      return places;
    });
    this.landings = [{ name: 'acme', directory: landing, delivery }, ...more];
    const lines = more.map((places) => `  - ${JSON.stringify({ ...places, settle: '50ms' })}\n`);
    writeFileSync(configFile, readFileSync(configFile, 'utf8').replace('log:', `${lines.join('')}log:`));
    for (const { delivery: place } of this.landings) writeFileSync(join(place, 'data.csv'), TAKEN);
  }

  get count(): number {
    return this.#sent.size;
  }

  /** How many of them are at their end. */
  get done(): number {
    const delivered = this.landings.flatMap((landing) => this.#deliveredIn(landing));
    const quarantine = join(this.host.spool, 'quarantine');
    const quarantined = existsSync(quarantine) ? readdirSync(quarantine).length : 0;
    return delivered.length - this.landings.length + quarantined;
  }

  /** One more envelope: sealed, then uploaded member by member. */
  async send(): Promise<void> {
    const random = this.#random;
    const landing = this.landings[random.below(this.landings.length)] ?? assert.fail();
    const layout = random.pick(['flat', 'flat', 'folder']);
    const manifest = random.pick(['write', 'omit']);
    this.#begun += 1;
    const stem = `${this.#begun}-${landing.name}`;
    const plaintext = Buffer.alloc(random.pick(SIZES), `${stem} `);
    // All folders are wished to become the same file.
    const name = layout === 'folder' ? 'data.csv' : `${stem}.csv`;
    const directory = mkdtempSync(join(this.host.folder, 'sealed-'));
    const parameters = parseFlags(random.pick(['-aes-256-cbc -pbkdf2', '-aes-128-ctr -pbkdf2 -md sha512 -iter 2000']));
    const how = { publicKey: this.#publicKey, oaep: oaepWith('sha256'), parameters, name, directory, layout, manifest };
    const { members } = await sealEnvelope(once(plaintext), { ...how, existing: 'refuse' });
    const paths = Object.values(members).filter((path) => path !== null);
    // A manifest, or a note beside one, that comes last may find its envelope claimed without it.
    const others = manifest === 'omit' && members.note !== null ? [members.note] : [];
    const last = random.pick([members.payload, members.wrappedKey, ...others]);
    const mistake = random.below(5) > 0 ? null : mistakeFor(parameters.cipher, manifest);
    if (mistake !== null) make(mistake, members);
    const digests = new Map(paths.map((path) => [basename(path), sha256(path)]));
    const sent = { landing: landing.name, name, mistake, plaintext: digestOf(plaintext), members: digests };
    this.#sent.set(sha256(members.payload), sent);
    const to = layout === 'flat' ? landing.directory : join(landing.directory, stem);
    mkdirSync(to, { recursive: true });
    for (const path of [...this.#shuffled(paths.filter((other) => other !== last)), last]) {
      copyFileSync(path, join(to, basename(path)));
    }
    rmSync(directory, { recursive: true });
  }

  #shuffled(paths: readonly string[]): readonly string[] {
    const left = [...paths];
    return paths.flatMap(() => left.splice(this.#random.below(left.length), 1));
  }

  /** Whatever is not at its end yet. An empty folder may be left of an envelope that was claimed when the daemon was killed. */
  left(): readonly string[] {
    const uploaded = this.landings.flatMap(({ directory }) => filesBelow(directory));
    const untold = this.host
      .inState('quarantine')
      .filter((id) => !readdirSync(join(this.host.spool, 'quarantine', id)).includes('told.json'));
    return [...uploaded, ...this.states(), ...untold];
  }

  /** The states of the envelopes that are on their way in the spool, or half made in a delivery directory. */
  states(): readonly string[] {
    const inState = (state: string): readonly string[] => {
      const directory = join(this.host.spool, state);
      return existsSync(directory) ? readdirSync(directory).map(() => state) : [];
    };
    const names = this.landings.flatMap(({ delivery }) => readdirSync(delivery));
    return [...STATES.flatMap(inState), ...names.filter((name) => name.endsWith('.part')).map(() => 'delivery')];
  }

  /** Each good envelope delivered once, each bad one whole in quarantine, a receipt for each, and nothing else anywhere. */
  expectAllWell(): void {
    assert.deepEqual(this.left(), []);
    for (const landing of this.landings) this.#expectDelivered(landing);
    const quarantined = this.host.inState('quarantine').map((id) => this.#expectQuarantined(id));
    const bad = [...this.#sent].filter(([, { mistake }]) => mistake !== null).map(([payload]) => payload);
    assert.deepEqual(quarantined.toSorted(), bad.toSorted());
    this.#expectReceipts();
  }

  #deliveredIn({ delivery }: LoadLanding): readonly string[] {
    return readdirSync(delivery).filter((name) => !name.startsWith('.'));
  }

  /** No name but those that were wished and, where that was taken, the next free one with a number. */
  #expectDelivered({ name: landing, delivery }: LoadLanding): void {
    const good = [...this.#sent.values()].filter((sent) => sent.landing === landing && sent.mistake === null);
    const folders = good.filter(({ name }) => name === 'data.csv').length;
    const numbered = Array.from({ length: folders }, (_, index) => `data.csv.${index + 1}`);
    const flat = good.map(({ name }) => name).filter((name) => name !== 'data.csv');
    assert.deepEqual(readdirSync(delivery).toSorted(), ['data.csv', ...numbered, ...flat].toSorted());
    assert.equal(readFileSync(join(delivery, 'data.csv'), 'utf8'), TAKEN);
    const kindOf = (name: string): string => (name.startsWith('data.csv') ? 'data.csv' : name);
    const found = [...numbered, ...flat].map((name) => `${kindOf(name)} ${sha256(join(delivery, name))}`);
    assert.deepEqual(found.toSorted(), good.map(({ name, plaintext }) => `${name} ${plaintext}`).toSorted());
  }

  /** @returns the digest of its payload */
  #expectQuarantined(id: string): string {
    const members = join(this.host.spool, 'quarantine', id, 'members');
    const kept = new Map(readdirSync(members).map((name) => [name, sha256(join(members, name))]));
    const sent = [...this.#sent].find(([payload]) => [...kept.values()].includes(payload));
    assert(
      sent !== undefined && sent[1].mistake !== null,
      `quarantined for nothing: ${JSON.stringify(this.host.report(id))}`,
    );
    const [payload, { mistake, members: digests }] = sent;
    assert.deepEqual(kept, digests);
    assert.equal(this.host.report(id).code, MISTAKES[mistake ?? assert.fail()]);
    return payload;
  }

  #expectReceipts(): void {
    const ledger = new DatabaseSync(join(this.host.spool, 'ledger.db'), { readOnly: true });
    const receipts = ledger.prepare('SELECT * FROM receipts').all();
    ledger.close();
    const delivered = receipts.filter(({ outcome }) => outcome === 'delivered');
    for (const receipt of delivered) assert(receipt['key_name'] !== null && receipt['wrapped_key_sha256'] !== null);
    const files = this.landings.flatMap((landing) =>
      this.#deliveredIn(landing)
        .filter((name) => name !== 'data.csv')
        .map((name) => join(landing.delivery, name)),
    );
    assert.deepEqual(new Set(delivered.map((receipt) => receipt['delivery_path'])), new Set(files));
    assert.equal(delivered.length, files.length);
    const quarantined = receipts.filter(({ outcome }) => outcome !== 'delivered').map(({ id }) => String(id));
    assert.deepEqual(quarantined.toSorted(), this.host.inState('quarantine'));
  }
}

/** Of a landing; the daemon removes folders at any time. */
function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (!entry.isDirectory()) return [path];
    try {
      return readdirSync(path).map((name) => join(path, name));
    } catch {
      return [];
    }
  });
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** One that shows: nothing tells a cut payload of a stream cipher from a whole one but the manifest. */
function mistakeFor(cipher: string, manifest: 'write' | 'omit'): Mistake {
  if (manifest === 'write') return 'changed payload';
  return cipher.endsWith('cbc') ? 'cut payload' : 'unknown note';
}

function make(mistake: Mistake, members: { readonly payload: string; readonly note: string | null }): void {
  if (mistake === 'unknown note') return writeFileSync(members.note ?? assert.fail(), 'ask Bob\n');
  const payload = readFileSync(members.payload);
  const last = payload.length - 1;
  if (mistake === 'cut payload') return writeFileSync(members.payload, payload.subarray(0, last));
  payload.writeUInt8(payload.readUInt8(last) ^ 1, last);
  writeFileSync(members.payload, payload);
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function sha256(path: string): string {
  return digestOf(readFileSync(path));
}
