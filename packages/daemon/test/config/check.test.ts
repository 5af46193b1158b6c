import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startKmsEmulator } from '@sealdrop/kms-emulator';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sealdropd } from '../daemon-process.ts';
import { Host } from '../host.ts';

let host: Host;

beforeEach(() => {
  host = new Host();
});

afterEach(() => host.close());

test('check says of each directory and key that it can be used', () => {
  expect(sealdropd('check', '--config', host.configFile)).toEqual({
    status: 0,
    stderr: '',
    stdout: `ok       ${host.configFile}: the configuration is valid
ok       spool ${host.spool}: is not there yet; its parent: can be read and written
ok       landing acme: directory ${host.landing}: can be read and written
ok       landing acme: directory ${host.landing}: is on the spool's file system
ok       landing acme: delivery ${host.delivery}: can be read and written
ok       key file:${host.privateKey}: RSA, 2048 bits
`,
  });
});

test('check names what is missing, on another file system or not a key, with the cure', () => {
  writeFileSync(join(host.folder, 'not-a-key.pem'), 'hello');
  const config = `spool: ${host.spool}
keys: [file:${host.folder}/not-a-key.pem, file:${host.folder}/absent.pem]
landings:
  - {name: a, directory: ${host.landing}, delivery: ${host.folder}/absent}
  - {name: b, directory: /dev/shm, delivery: ${host.configFile}}
`;
  writeFileSync(host.configFile, config);
  const { status, stdout } = sealdropd('check', '--config', host.configFile);
  expect(status).toBe(78);
  expect(stdout).toContain(`problem  landing a: delivery ${host.folder}/absent: no such file or directory
         Make it: mkdir -p ${host.folder}/absent
`);
  expect(stdout).toContain(`problem  landing b: directory /dev/shm: is not on the file system of the spool ${host.spool}
         Put the spool and its landings on one file system: envelopes are claimed by renaming.
`);
  expect(stdout).toContain(`problem  landing b: delivery ${host.configFile}: is not a directory\n`);
  expect(stdout).toContain(`problem  key file:${host.folder}/absent.pem: `);
  expect(stdout).toContain(`problem  key file:${host.folder}/not-a-key.pem: `);
});

test('check asks KMS for the key and says what state it is in', async () => {
  const kms = await startKmsEmulator();
  try {
    const key = kms.createKey({ alias: 'inbound' });
    const { region, endpoint } = kms;
    const credentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
    host.configure({ keys: ['alias/inbound'], settings: `aws: {region: ${region}, endpoint: '${endpoint}'}` });
    const before = await host.check(credentials);
    expect(before.stdout).toContain('ok       key aws-kms:alias/inbound: RSA, 2048 bits, ENCRYPT_DECRYPT, Enabled\n');
    kms.setKeyState(key.keyId, 'Disabled');
    const after = await host.check(credentials);
    expect(after.status).toBe(78);
    expect(after.stdout).toMatch(/^problem {2}key alias\/inbound: .*disabled/m);
  } finally {
    await kms.close();
  }
});
