import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sealdropd } from '../daemon-process.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sealdropd-config-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

/** What `check` says of a configuration, with its path as FILE. */
function check(source: string): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const file = join(folder, 'sealdropd.yaml');
  writeFileSync(file, source);
  const { status, stdout, stderr } = sealdropd('check', '--config', file);
  return { status, stdout: stdout.replaceAll(file, 'FILE'), stderr: stderr.replaceAll(file, 'FILE') };
}

test('every wrong setting is named at once, by line and key, with the cure', () => {
  const source = `spol: /var/x
spool: relative
keys: aws-kms:alias/x
aws:
  regoin: x
  timeout: 5
landings:
  - name: "a b"
    directory: /srv/a
    settle: 2 sec
    colision: suffix
    collision: maybe
  - /srv/b
log: debug
concurrency: 1.5
`;
  expect(check(source)).toEqual({
    status: 78,
    stdout: '',
    stderr: `sealdropd: FILE:1: spol: no such setting. Did you mean spool?
sealdropd: FILE:2: spool: must be an absolute path, beginning with /
sealdropd: FILE:3: keys: must be a list of keys, like - aws-kms:alias/inbound or - file:/etc/sealdrop/key.pem
sealdropd: FILE:5: aws.regoin: no such setting. Did you mean region?
sealdropd: FILE:6: aws.timeout: must be a duration: a whole number and a unit, like 500ms, 2s, 5m, 24h or 7d
sealdropd: FILE:8: landings[0].name: must be 1 to 64 letters, digits, dots, dashes or underscores, beginning with a letter or digit
sealdropd: FILE:8: landings[0].delivery: is missing: must be the path of a directory
sealdropd: FILE:10: landings[0].settle: must be a duration: a whole number and a unit, like 500ms, 2s, 5m, 24h or 7d
sealdropd: FILE:11: landings[0].colision: no such setting. Did you mean collision?
sealdropd: FILE:12: landings[0].collision: must be one of: suffix, replace, quarantine
sealdropd: FILE:13: landings[1]: must be a landing with name:, directory: and delivery:
sealdropd: FILE:14: log: must hold settings like level: info
sealdropd: FILE:15: concurrency: must be a whole number from 1 to 256
`,
  });
});

test('settings that contradict each other are named', () => {
  const source = `spool: /srv/spool
keys: [file:/etc/key.pem]
landings:
  - {name: a, directory: /srv/a, delivery: /srv/a/out, parameters: -aes-256-cbc -pbkdf3}
  - {name: a, directory: /srv/a/b, delivery: /srv/spool/c}
  - {name: c, directory: /srv, delivery: /out}
state: /srv/a/state
`;
  const { status, stderr } = check(source);
  expect(status).toBe(78);
  expect(stderr.split('\n')).toEqual([
    'sealdropd: FILE:4: landings[0].delivery: lies within the landing a, where the sender could reach the plaintext',
    'sealdropd: FILE:4: landings[0].parameters: openssl enc has no flag "-pbkdf3"',
    'sealdropd: FILE:5: landings[1].name: another landing is named a too',
    'sealdropd: FILE:5: landings[1].directory: lies within the landing a, or the other way round; give each its own directory',
    'sealdropd: FILE:5: landings[1].delivery: lies within the landing c, where the sender could reach the plaintext',
    'sealdropd: FILE:5: landings[1].delivery: overlaps the spool; keep the two apart',
    'sealdropd: FILE:6: landings[2].directory: lies within the landing a, or the other way round; give each its own directory',
    'sealdropd: FILE:6: landings[2].directory: overlaps the spool; keep the two apart, on the same file system',
    'sealdropd: FILE:7: state: lies within the landing a, where the sender could reach the ledger',
    '',
  ]);
});

test('what surrounds the envelopes is checked by line and key as well, and hooks and webhooks before anything runs', () => {
  const source = `spool: /srv/spool
keys: [aws-kms:alias/inbound]
landings:
  - {name: a, directory: /srv/a, delivery: /out/a, oaep: sha512}
  - {name: b, directory: /srv/b, delivery: /out/b, parameters: -aes-256-cbc -pbkdf2 -iter 20000, maximumIterations: 10000}
status: {host: 127.0.0.1, sokket: /run/x}
archive: {keepfor: 30d}
quarantine: {keepFor: 30}
minimumFreeSpace: 1 GB
strayAfter: never
ledger: {plaintextNames: drop}
hooks:
  - {name: tell, command: [notify], on: [deliverd]}
  - {name: tell, command: []}
webhooks:
  - {name: ops, url: 'http://example.com/x', secretFile: /etc/secret, onn: [delivered]}
`;
  const { status, stderr } = check(source);
  expect(status).toBe(78);
  expect(stderr.split('\n')).toEqual([
    'sealdropd: FILE:6: status.sokket: no such setting. Did you mean socket?',
    'sealdropd: FILE:7: archive.keepFor: is missing: must be a duration: a whole number and a unit, like 500ms, 2s, 5m, 24h or 7d',
    'sealdropd: FILE:7: archive.keepfor: no such setting. Did you mean keepFor?',
    'sealdropd: FILE:8: quarantine.keepFor: must be a duration: a whole number and a unit, like 500ms, 2s, 5m, 24h or 7d',
    'sealdropd: FILE:9: minimumFreeSpace: must be a size: a whole number and a unit, like 500MB, 2GiB or 0B',
    'sealdropd: FILE:10: strayAfter: must be a duration like 7d, or the word off',
    'sealdropd: FILE:11: ledger.plaintextNames: must be one of: keep, omit',
    'sealdropd: FILE:13: hooks[0].command: must begin with the absolute path of a program; no shell looks it up',
    'sealdropd: FILE:13: hooks[0].on[0]: must be one of: delivered, quarantined',
    'sealdropd: FILE:14: hooks[1].command: must begin with a program',
    'sealdropd: FILE:16: webhooks[0].onn: no such setting. Did you mean on?',
    '',
  ]);
});

test('an operator who could only harm senders is told before the first envelope comes', () => {
  const source = `spool: /srv/spool
keys: [aws-kms:alias/inbound]
landings:
  - {name: a, directory: /srv/a, delivery: /out/a, oaep: sha512}
  - {name: b, directory: /srv/b, delivery: /out/b, parameters: -aes-256-cbc -pbkdf2 -iter 20000, maximumIterations: 10000}
hooks: [{name: tell, command: [/bin/true]}]
webhooks: [{name: tell, url: 'http://example.com/x', secretFile: /etc/secret}]
`;
  const { status, stderr } = check(source);
  expect(status).toBe(78);
  expect(stderr.split('\n')).toEqual([
    'sealdropd: FILE:4: landings[0].oaep: AWS KMS can do sha1 and sha256 only, so the key aws-kms:alias/inbound opens nothing; leave oaep out',
    'sealdropd: FILE:5: landings[1].parameters: has more iterations than maximumIterations (10000) allows',
    'sealdropd: FILE:7: webhooks[0].name: another hook is named tell too',
    'sealdropd: FILE:7: webhooks[0].url: webhook URL would go unencrypted over the network; use https://; http:// is for 127.0.0.1, [::1] and localhost only',
    '',
  ]);
});

test.each([
  ['spool: /a\nspool: /b\n', 'FILE:2: not valid YAML: Map keys must be unique'],
  ['', 'FILE:1: must hold settings like spool:, keys: and landings:'],
  [
    'spool: /a\nkeys: [\n',
    'FILE:3: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
])('text that is no configuration (%j) is refused with its line', (source, message) => {
  expect(check(source)).toEqual({ status: 78, stdout: '', stderr: `sealdropd: ${message}\n` });
});

test('a configuration that cannot be read is refused by its name', () => {
  expect(sealdropd('run', '--config', join(folder, 'missing.yaml'))).toEqual({
    status: 78,
    stdout: '',
    stderr: `sealdropd: ${join(folder, 'missing.yaml')}: no such file or directory. Name the configuration with --config FILE.\n`,
  });
});
