import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkPlaintextName,
  groupNames,
  isTemporaryName,
  memberNames,
  membersOf,
  missingRoles,
  oaepHashInName,
  plaintextNameOf,
} from '../../src/index.ts';
import type { EnvelopeGroup, GroupedNames, MemberRole } from '../../src/index.ts';

const PROTOTYPE_NAMES = ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf', 'prototype'];

function namesIn(group: EnvelopeGroup): string[] {
  return Object.values(group.names).flat();
}

function allNames({ groups, strays }: GroupedNames): string[] {
  return [...groups.flatMap(namesIn), ...strays];
}

function onlyGroup(names: readonly string[], place: 'landing' | 'folder'): EnvelopeGroup {
  const { groups, strays } = groupNames(names, place);
  expect(strays).toEqual([]);
  expect(groups).toHaveLength(1);
  const [group] = groups;
  if (group === undefined) throw new Error('no group');
  return group;
}

describe('the flat layout', () => {
  const roles: readonly (readonly [string, MemberRole])[] = [
    ['.enc', 'payload'],
    ['.key.enc', 'wrapped-key'],
    ['.key.bin.enc', 'wrapped-key'],
    ['.keypke.bin.enc', 'wrapped-key'],
    ['.alg', 'note'],
    ['.alg.txt', 'note'],
    ['.algorithm', 'note'],
    ['.algorithm.txt', 'note'],
    ['.manifest.json', 'manifest'],
    ['.manifest.json.sig', 'signature'],
  ];

  test.each(roles)('report.csv%s is a %s', (ending, role) => {
    const group = onlyGroup([`report.csv${ending}`], 'landing');
    expect(group).toMatchObject({ layout: 'flat', stem: 'report.csv' });
    expect(group.names[role]).toEqual([`report.csv${ending}`]);
    expect(namesIn(group)).toHaveLength(1);
  });

  test.each(['.key.enc', '.key.bin.enc', '.keypke.bin.enc'])(
    'payload, note and wrapped key %s make an envelope',
    (key) => {
      const group = onlyGroup([`a.alg`, `a${key}`, 'a.enc'], 'landing');
      expect(membersOf(group, 'by-note')).toEqual({
        payload: 'a.enc',
        wrappedKey: `a${key}`,
        note: 'a.alg',
        manifest: null,
        signature: null,
      });
    },
  );

  test('a manifest does instead of a note', () => {
    const group = onlyGroup(['a.enc', 'a.key.enc', 'a.manifest.json', 'a.manifest.json.sig'], 'landing');
    expect(membersOf(group, 'by-note')).toMatchObject({
      manifest: 'a.manifest.json',
      signature: 'a.manifest.json.sig',
    });
  });

  test('a wrapped-key name wins over a payload name', () => {
    const group = onlyGroup(['server.key.enc'], 'landing');
    expect(group.stem).toBe('server');
    expect(group.names['wrapped-key']).toEqual(['server.key.enc']);
    expect(group.names.payload).toEqual([]);
  });

  test('two wrapped keys of one stem are ambiguous, and both are named', () => {
    const group = onlyGroup(['a.enc', 'a.key.bin.enc', 'a.keypke.bin.enc', 'a.alg'], 'landing');
    expect(() => membersOf(group, 'by-note')).toThrow(/a\.key\.bin\.enc, a\.keypke\.bin\.enc/);
  });
});

describe("the article's own names", () => {
  test.each(['landing', 'folder'] as const)('are an envelope alone in a %s', (place) => {
    const group = onlyGroup(['data.csv.enc', 'key.bin.enc', 'algorithm.txt'], place);
    expect(group).toMatchObject({ layout: 'folder', stem: 'data.csv' });
    expect(membersOf(group, 'by-note')).toEqual({
      payload: 'data.csv.enc',
      wrappedKey: 'key.bin.enc',
      note: 'algorithm.txt',
      manifest: null,
      signature: null,
    });
  });

  test.each(['key.bin.enc', 'keypke.bin.enc', 'key.enc', 'any.key.enc'])('%s is the wrapped key of a folder', (key) => {
    expect(membersOf(onlyGroup(['data.enc', key, 'algorithm'], 'folder'), 'by-note').wrappedKey).toBe(key);
  });

  test.each(['algorithm', 'algorithm.txt', 'Algorithm.md', 'algorithm-note', 'x.alg', 'x.alg.txt'])(
    '%s is the note of a folder',
    (note) => {
      expect(membersOf(onlyGroup(['data.enc', 'key.bin.enc', note], 'folder'), 'by-note').note).toBe(note);
    },
  );

  test('algorithm.enc is a payload and algorithm.key.enc a wrapped key', () => {
    const group = onlyGroup(['algorithm.enc', 'algorithm.key.enc', 'algorithm.txt'], 'folder');
    expect(membersOf(group, 'by-note')).toMatchObject({ payload: 'algorithm.enc', wrappedKey: 'algorithm.key.enc' });
  });

  test('late members find their envelope again, in any order', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray(['data.enc', 'key.bin.enc', 'algorithm.txt', 'manifest.json', 'manifest.json.sig'], {
          minLength: 1,
        }),
        (names) => {
          expect(namesIn(onlyGroup(names, 'folder')).toSorted()).toEqual(names.toSorted());
        },
      ),
    );
  });

  test('beside flat envelopes in a landing they never take a payload of theirs', () => {
    const { groups } = groupNames(['a.enc', 'a.key.enc', 'a.alg', 'key.bin.enc', 'algorithm.txt'], 'landing');
    expect(groups.map((group) => [group.stem, namesIn(group).toSorted()])).toEqual([
      ['a', ['a.alg', 'a.enc', 'a.key.enc']],
      ['', ['algorithm.txt', 'key.bin.enc']],
    ]);
  });

  test('in a folder with a complete flat envelope they take the payload that no other key claims', () => {
    const { groups } = groupNames(['a.enc', 'a.key.enc', 'a.alg', 'b.enc', 'key.bin.enc', 'algorithm'], 'folder');
    expect(groups.map((group) => membersOf(group, 'by-note').payload)).toEqual(['a.enc', 'b.enc']);
  });
});

const SUFFIXES = ['.enc', '.key.bin.enc', '.alg', '.manifest.json', '.manifest.json.sig'];

/** Stems that no temporary name begins with and no other stem's member is mistaken for. */
const stemArbitrary = fc
  .oneof(
    fc.stringMatching(/^[a-z][a-z0-9 _.-]{0,10}[a-z0-9]$/),
    fc.constantFrom(...PROTOTYPE_NAMES, 'server.key', 'key.bin', 'algorithm', 'отчёт', '報告書'),
  )
  .filter((stem) => !/(?:key|keypke\.bin|key\.bin|manifest|manifest\.json)$/.test(stem));

describe('flat envelopes side by side in a landing', () => {
  test('never mix: any members in any order go together by stem', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(stemArbitrary, { minLength: 1, maxLength: 6 }).chain((stems) =>
          fc.shuffledSubarray(
            stems.flatMap((stem) => SUFFIXES.map((suffix) => [stem, `${stem}${suffix}`] as const)),
            { minLength: 1 },
          ),
        ),
        (members) => {
          const { groups, strays } = groupNames(
            members.map(([, name]) => name),
            'landing',
          );
          expect(strays).toEqual([]);
          const found = new Map(groups.map((group) => [group.stem, namesIn(group).toSorted()]));
          const expected = Map.groupBy(members, ([stem]) => stem);
          expect(found.size).toBe(groups.length);
          expect([...found.keys()]).toEqual([...expected.keys()]);
          expect(found).toEqual(
            new Map([...expected].map(([stem, ofStem]) => [stem, ofStem.map(([, name]) => name).toSorted()])),
          );
        },
      ),
    );
  });
});

const anyName = fc.oneof(
  fc.constantFrom(
    ...PROTOTYPE_NAMES,
    ...PROTOTYPE_NAMES.map((name) => `${name}.enc`),
    'key',
    'key.bin',
    'key.bin.enc',
    'key.enc',
    'keypke.bin.enc',
    'algorithm',
    'algorithm.enc',
    'algorithm.txt',
    'manifest.json',
    'manifest.json.sig',
    '.enc',
    '.key.enc',
    'a..enc',
    '-rf.enc',
    'x.part',
    '.hidden',
    'x~',
    '\n',
  ),
  fc
    .tuple(fc.constantFrom('a', 'b', 'key', 'algorithm', ''), fc.constantFrom(...SUFFIXES, '.txt'))
    .map((parts) => parts.join('')),
  fc.string({ minLength: 1, maxLength: 12 }),
);

describe('any names at all', () => {
  test.each(['landing', 'folder'] as const)(
    'in a %s: none is lost, none doubled, temporary ones are passed over',
    (place) => {
      fc.assert(
        fc.property(fc.uniqueArray(anyName, { maxLength: 20 }), (names) => {
          const grouped = groupNames(names, place);
          const expected = names.filter((name) => !isTemporaryName(name));
          expect(allNames(grouped).toSorted()).toEqual(expected.toSorted());
        }),
      );
    },
  );

  test('their order is kept: that of envelopes by the first name of each, and of names in each role', () => {
    const names = ['b.alg', 'a.enc', 'b.enc', 'a.alg.txt', 'b.key.enc', 'a.alg', 'b.key.bin.enc', 'a.algorithm'];
    const { groups } = groupNames(names, 'landing');
    expect(groups.map((group) => [group.stem, group.names])).toEqual([
      [
        'b',
        {
          payload: ['b.enc'],
          'wrapped-key': ['b.key.enc', 'b.key.bin.enc'],
          note: ['b.alg'],
          manifest: [],
          signature: [],
        },
      ],
      [
        'a',
        {
          payload: ['a.enc'],
          'wrapped-key': [],
          note: ['a.alg.txt', 'a.alg', 'a.algorithm'],
          manifest: [],
          signature: [],
        },
      ],
    ]);
    const [folder] = groupNames(['b.alg', 'a.enc', 'algorithm', 'a.alg', 'c.enc'], 'folder').groups;
    expect(folder).toMatchObject({
      stem: 'a',
      names: { payload: ['a.enc', 'c.enc'], note: ['algorithm', 'b.alg', 'a.alg'] },
    });
  });

  test('names of Object.prototype are strays, and payloads with .enc', () => {
    expect(groupNames(PROTOTYPE_NAMES, 'landing')).toEqual({ groups: [], strays: PROTOTYPE_NAMES });
    const { groups } = groupNames(
      PROTOTYPE_NAMES.map((name) => `${name}.enc`),
      'landing',
    );
    expect(groups.map((group) => [group.stem, group.names.payload])).toEqual(
      PROTOTYPE_NAMES.map((name) => [name, [`${name}.enc`]]),
    );
  });

  test('a hundred thousand of them in a folder are sorted without comparing each with each', () => {
    const names = Array.from({ length: 100_000 }, (_, index) => `${index}.enc`);
    const { groups } = groupNames([...names, 'key.bin.enc'], 'folder');
    expect(groups).toHaveLength(1);
    expect(groups[0]?.names.payload).toHaveLength(100_000);
  });
});

describe('temporary upload names', () => {
  test.each([
    '.report.enc',
    'report.enc.filepart',
    'a.enc.part',
    'a.enc.PARTIAL',
    'a.enc.tmp',
    'a.enc~',
    'a.crdownload',
  ])('%s is one', (name) => {
    expect(isTemporaryName(name)).toBe(true);
    expect(groupNames([name], 'landing')).toEqual({ groups: [], strays: [] });
  });

  test.each(['report.enc', 'tmp.enc', 'part', 'a.part.enc', 'template.tmpl'])('%s is none', (name) => {
    expect(isTemporaryName(name)).toBe(false);
  });
});

describe('what is missing', () => {
  test('is said in roles and in words', () => {
    const group = onlyGroup(['a.enc'], 'landing');
    expect(missingRoles(group, 'by-note')).toEqual(['wrapped-key', 'note']);
    expect(missingRoles(group, 'known')).toEqual(['wrapped-key']);
    expect(() => membersOf(group, 'by-note')).toThrow(/envelope a lacks its wrapped key .* and algorithm note/);
  });

  test('a signature without its manifest is incomplete', () => {
    const group = onlyGroup(['a.enc', 'a.key.enc', 'a.alg', 'a.manifest.json.sig'], 'landing');
    expect(missingRoles(group, 'by-note')).toEqual(['manifest']);
  });
});

describe("the plaintext's name", () => {
  test.each([
    'report.csv',
    'a',
    'key',
    'with space',
    '-rf',
    'a..b',
    'naïve.txt',
    '報告書.pdf',
    '😀',
    'a'.repeat(255),
    'CON',
    'x~',
  ])('%j is accepted', (name) => {
    expect(checkPlaintextName(name)).toBe(name);
  });

  test.each([
    '',
    '.',
    '..',
    '.bashrc',
    '../x',
    'a/b',
    '/etc/passwd',
    'a\\b',
    'C:\\x',
    'a\0b',
    'a\nb',
    'a\rb',
    'a\tb',
    '\u001b[2J',

    'a\u007f',
    'a\u0085b',
    'gpj.\u202eexe',
    '\u200fa',
    'a\u2066b',
    'a\u061cb',
    'a\u2028b',
    'a\ufffdb',
    '\ud800',
    'a\udc00b',
    'a'.repeat(256),
    'é'.repeat(128),
    '😀'.repeat(64),
  ])('%j is refused', (name) => {
    expect(() => checkPlaintextName(name)).toThrow(expect.objectContaining({ code: 'bad-name', blame: 'sender' }));
  });

  test('a refused name stands in the message without characters that act on a terminal', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(() => checkPlaintextName(`/${name}`)).toThrow(/^[^\p{C}\p{Zl}\p{Zp}]+$/u);
      }),
    );
  });

  test('is the payload name without .enc', () => {
    expect(plaintextNameOf('report.csv.enc')).toBe('report.csv');
    expect(plaintextNameOf('blob')).toBe('blob.plain');
    expect(() => plaintextNameOf('..enc')).toThrow(expect.objectContaining({ code: 'bad-name' }));
  });
});

describe('the names that an envelope is written under', () => {
  const plaintextName = fc
    .oneof(
      fc.constantFrom(
        'server.key',
        'key',
        'key.bin',
        'keypke.bin',
        'algorithm',
        'algorithm.txt',
        'a.key.bin',
        'a.data',
      ),
      fc.constantFrom(
        ...PROTOTYPE_NAMES,
        'manifest.json',
        'a.manifest.json',
        'x.enc',
        'key.enc',
        'key.bin.enc',
        'x.alg',
      ),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
    )
    .filter((name) => {
      try {
        return checkPlaintextName(name) === name;
      } catch {
        return false;
      }
    });

  test.each(['flat', 'folder'] as const)('(%s) are read back as the same parts, for any plaintext name', (layout) => {
    fc.assert(
      fc.property(plaintextName, fc.constantFrom('sha1', 'sha256', 'sha512'), (name, hash) => {
        const names = memberNames(name, hash, layout);
        const group = onlyGroup(Object.values(names), layout === 'flat' ? 'landing' : 'folder');
        expect(group.layout).toBe(layout);
        expect(group.names).toEqual(Object.fromEntries(Object.entries(names).map(([role, one]) => [role, [one]])));
        expect(oaepHashInName(names['wrapped-key'])).toBe(hash === 'sha512' ? null : hash);
      }),
    );
  });

  test("are the plaintext's and an ending, unless that would be a wrapped key's name", () => {
    expect(memberNames('report.csv', 'sha256', 'flat')).toEqual({
      payload: 'report.csv.enc',
      'wrapped-key': 'report.csv.keypke.bin.enc',
      note: 'report.csv.alg',
      manifest: 'report.csv.manifest.json',
      signature: 'report.csv.manifest.json.sig',
    });
    expect(memberNames('server.key', 'sha1', 'flat').payload).toBe('server.key.data.enc');
    expect(memberNames('key.bin', 'sha1', 'folder').payload).toBe('key.bin.data.enc');
  });
});
