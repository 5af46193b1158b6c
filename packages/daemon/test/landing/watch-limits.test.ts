import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Host } from '../host.ts';
import { seal, upload } from '../sender.ts';

let host: Host;

beforeEach(() => {
  host = new Host({ settings: 'scanInterval: 1h' });
});

afterEach(() => host.close());

/** In a user namespace of its own, for which Linux keeps a count and a limit apart (namespaces(7), /proc/sys/user). */
function withLimit(name: string, value: number): readonly string[] {
  return ['unshare', '-Ur', 'sh', '-c', `echo ${value} > /proc/sys/user/${name} && exec "$0" "$@"`];
}

test.each([
  ['watches', 4],
  ['instances', 0],
] as const)(
  'at the limit of inotify %s one warning names the sysctl, and what is not watched is scanned',
  async (what, limit) => {
    for (let folder = 0; folder < 40; folder += 1) mkdirSync(join(host.landing, `folder-${folder}`));
    const daemon = await host.start({}, withLimit(`max_inotify_${what}`, limit));
    const warning = { message: 'the file watcher cannot see everything; scanning instead' };
    const line = await daemon.saying(warning);
    expect(line).toMatchObject({ level: 'warn', landing: 'acme', code: 'bad-configuration' });
    expect(line['reason']).toBe(`${host.landing}: the system allows no more inotify ${what}`);
    expect(line['hint']).toContain(`fs.inotify.max_user_${what}`);
    for (const folder of ['folder-0', 'folder-17', 'folder-39']) {
      upload({ landing: join(host.landing, folder) }, `in-${folder}`, seal(host, { plaintext: 'x' }));
    }
    await daemon.saying({ message: 'delivered' }, 3);
    expect(daemon.said(warning)).toHaveLength(1);
  },
);
