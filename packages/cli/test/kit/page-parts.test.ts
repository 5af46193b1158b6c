/** The page's own arithmetic and names, against Node's and core's. */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { checkPlaintextName, memberNames } from '@sealdrop/core';
import { describe, expect, test } from 'vitest';

const PAGE = new URL('../../src/kit/templates/page/', import.meta.url);

interface Hashing {
  update(bytes: Uint8Array): Hashing;
  digest(): Uint8Array;
}
interface Sha256Module {
  readonly Sha256: new () => Hashing;
  readonly HmacSha256: new (key: Uint8Array) => Hashing;
}
interface NamesModule {
  readonly checkName: (name: string) => string;
  readonly memberNames: (name: string) => Readonly<Record<'payload' | 'wrappedKey' | 'note' | 'manifest', string>>;
}

// Plain scripts without types: they are for browsers.
const { Sha256, HmacSha256 } = (await import(new URL('sha256.js', PAGE).href)) as Sha256Module;
const names = (await import(new URL('names.js', PAGE).href)) as NamesModule;

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('SHA-256', () => {
  test("is Node's for every length up to five blocks", () => {
    for (let length = 0; length <= 320; length++) {
      const bytes = randomBytes(length);
      expect([length, hex(new Sha256().update(bytes).digest())]).toEqual([length, sha256(bytes)]);
    }
  });

  test('is the same however the bytes are cut', () => {
    const bytes = randomBytes(1000);
    for (const size of [1, 7, 63, 64, 65, 128, 999]) {
      const hashing = new Sha256();
      for (let at = 0; at < bytes.length; at += size) hashing.update(bytes.subarray(at, at + size));
      expect([size, hex(hashing.digest())]).toEqual([size, sha256(bytes)]);
    }
  });

  test('takes more than 512 MiB, whose length in bits needs more than 32 of them', () => {
    const piece = Buffer.alloc(8 * 1024 * 1024, 7);
    const ours = new Sha256();
    const nodes = createHash('sha256');
    for (let count = 0; count < 65; count++) {
      ours.update(piece);
      nodes.update(piece);
    }
    expect(hex(ours.digest())).toBe(nodes.digest('hex'));
  });

  test("its HMAC is Node's", () => {
    for (const length of [1, 32, 64]) {
      const key = randomBytes(length);
      const bytes = randomBytes(200);
      const ours = new HmacSha256(key).update(bytes.subarray(0, 99)).update(bytes.subarray(99)).digest();
      expect(hex(ours)).toBe(createHmac('sha256', key).update(bytes).digest('hex'));
    }
  });
});

describe('names', () => {
  const isTaken = (check: (name: string) => string, name: string) => {
    try {
      return check(name) === name;
    } catch {
      return false;
    }
  };

  test('a character is refused exactly when the receiver refuses it', () => {
    for (let point = 0; point <= 0xffff; point++) {
      const name = `a${String.fromCharCode(point)}b`;
      const verdict = isTaken(names.checkName, name);
      if (verdict !== isTaken(checkPlaintextName, name)) throw new Error(`U+${point.toString(16)} is ${verdict} here`);
    }
    expect(isTaken(names.checkName, 'a🎈b')).toBe(true);
    expect(isTaken(names.checkName, '.hidden')).toBe(false);
  });

  test("the files of an envelope have core's names", () => {
    for (const name of [
      'report.csv',
      'ümläut 日本',
      'key',
      'key.bin',
      'server.key',
      'a.key.bin',
      'my.keypke.bin',
      'monkey',
    ]) {
      const expected = memberNames(name, 'sha256', 'flat');
      expect(names.memberNames(name)).toEqual({
        payload: expected.payload,
        wrappedKey: expected['wrapped-key'],
        note: expected.note,
        manifest: expected.manifest,
      });
    }
  });

  test('an ending has room', () => {
    expect(isTaken(names.checkName, 'x'.repeat(240))).toBe(true);
    expect(isTaken(names.checkName, 'x'.repeat(241))).toBe(false);
    expect(isTaken(names.checkName, 'ü'.repeat(121))).toBe(false);
  });
});

describe('colours', () => {
  const css = readFileSync(new URL('page.css', PAGE), 'utf8');

  function palette(scheme: string): ReadonlyMap<string, string> {
    return new Map(
      [...scheme.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name = '', colour = '']) => [name, colour]),
    );
  }

  /** WCAG 2.2, relative luminance. */
  function luminance(colour: string): number {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
      const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
      return value <= 0.040_45 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  function contrast(colours: ReadonlyMap<string, string>, one: string, other: string): number {
    const [a, b] = [luminance(colours.get(one) ?? ''), luminance(colours.get(other) ?? '')];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }

  const [light = '', dark = ''] = css.split('@media (prefers-color-scheme: dark)');
  test.each([
    ['light', light],
    ['dark', dark],
  ])('text stands out enough in the %s scheme (WCAG AA)', (_name, scheme) => {
    const colours = palette(scheme);
    const onCard = ['ink', 'soft', 'accent', 'good', 'bad'].map((name) => [name, 'card'] as const);
    const others = [
      ['ink', 'paper'],
      ['soft', 'paper'],
      ['on-accent', 'accent'],
      ['ink', 'tint'],
      ['accent', 'tint'],
      ['soft', 'tint'],
    ] as const;
    for (const [one, other] of [...onCard, ...others]) {
      expect([one, other, contrast(colours, one, other) >= 4.5]).toEqual([one, other, true]);
    }
  });
});
